-- Calls, as they happened. Times are seconds since the epoch; a call is a Linkedid, a leg a Uniqueid.

CREATE TABLE calls (
    id       TEXT PRIMARY KEY,
    began    REAL NOT NULL,
    ended    REAL,
    seen_end INTEGER NOT NULL DEFAULT 1,  -- 0: it ended while nobody looked, and `ended` is when that was found out
    dialled  TEXT,                        -- E.164, or as the carrier wrote it
    number   TEXT,                        -- the caller's, E.164; NULL where it was withheld
    service  TEXT,
    language TEXT,
    tier     INTEGER,                     -- who answered: 1 the daemon, 2 the script, 3 the dialplan alone
    merged   TEXT                         -- the call that this one became part of
) STRICT;

CREATE INDEX calls_by_time ON calls (began);
CREATE INDEX calls_open ON calls (id) WHERE ended IS NULL;
CREATE INDEX calls_merged ON calls (merged) WHERE merged IS NOT NULL;

CREATE TABLE legs (
    id      TEXT PRIMARY KEY,
    call    TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    channel TEXT NOT NULL,
    began   REAL NOT NULL,
    ended   REAL,
    cause   INTEGER                       -- Q.850
) STRICT;

CREATE INDEX legs_of_call ON legs (call);
CREATE INDEX legs_open ON legs (id) WHERE ended IS NULL;

CREATE TABLE visits (                     -- to queues
    id      INTEGER PRIMARY KEY,
    call    TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    leg     TEXT NOT NULL,
    queue   TEXT NOT NULL,
    joined  REAL NOT NULL,
    left_at REAL,
    outcome TEXT,                         -- answered, abandoned, unanswered, or that nobody saw it
    member  TEXT
) STRICT;

CREATE INDEX visits_of_call ON visits (call);
CREATE INDEX visits_of_leg ON visits (leg);
CREATE UNIQUE INDEX visits_open ON visits (leg, queue) WHERE left_at IS NULL;

CREATE TABLE events (                     -- all else that a timeline tells: menus, announcements, bridges, transfers
    id     INTEGER PRIMARY KEY,
    call   TEXT NOT NULL REFERENCES calls (id) ON DELETE CASCADE,
    at     REAL NOT NULL,
    kind   TEXT NOT NULL,
    leg    TEXT,
    detail TEXT NOT NULL                  -- JSON
) STRICT;

CREATE INDEX events_of_call ON events (call);

CREATE TABLE recordings (
    leg     TEXT PRIMARY KEY,             -- one recorder for each leg of an agent
    call    TEXT,                         -- NULL: the file was found, and no call is known for it
    service TEXT,
    started REAL,
    stopped REAL,
    reason  TEXT,                         -- why it stopped
    file    TEXT,                         -- below the archive, once it is finished
    seconds REAL,
    bytes   INTEGER,
    sha256  TEXT,
    fault   TEXT                          -- what is wrong with it, in words
) STRICT;

CREATE INDEX recordings_of_call ON recordings (call);
