-- Holds, which keep what else would expire; and the nightly runs.

CREATE TABLE holds (
    id        INTEGER PRIMARY KEY,
    made      REAL NOT NULL,
    maker     TEXT NOT NULL,               -- who made it: a user of this machine
    reason    TEXT NOT NULL,
    reference TEXT NOT NULL,
    call      TEXT,                        -- this call,
    number    BLOB,                        -- or all calls with this number (hidden by the hold's own key),
    since     REAL,                        -- or all calls of a span of time
    until     REAL,
    review    REAL,                        -- when somebody has to ask whether it is needed still; NULL: it is open
    released  REAL,
    releaser  TEXT
) STRICT;

CREATE INDEX holds_of_spans ON holds (since, until) WHERE since IS NOT NULL AND released IS NULL;

CREATE TABLE held_callers (                -- the number of a hold, by the index of each period
    caller_index TEXT NOT NULL,
    hold         INTEGER NOT NULL REFERENCES holds (id) ON DELETE CASCADE,
    PRIMARY KEY (caller_index, hold)
) STRICT, WITHOUT ROWID;

CREATE VIEW standing_holds AS SELECT * FROM holds WHERE released IS NULL;

CREATE VIEW held_calls AS                  -- each with the hold that keeps it; of calls that became one, all or none
SELECT coalesce(calls.merged, calls.id) AS call, hold.id AS hold
FROM standing_holds AS hold JOIN calls ON calls.id = hold.call OR calls.merged = hold.call
UNION
SELECT coalesce(calls.merged, calls.id), hold.id
FROM standing_holds AS hold JOIN calls ON calls.began >= hold.since AND calls.began < hold.until
UNION
SELECT coalesce(calls.merged, calls.id), hold.id
FROM standing_holds AS hold JOIN held_callers ON held_callers.hold = hold.id
JOIN calls ON calls.caller_index = held_callers.caller_index
UNION
SELECT call, id FROM standing_holds WHERE call IS NOT NULL;  -- of a call that has a recording and no row

CREATE INDEX recordings_unfinished ON recordings (leg) WHERE file IS NULL AND fault IS NULL;
CREATE INDEX calls_unexpired ON calls (began) WHERE NOT expired;

CREATE TABLE runs (                        -- of expiry, each once it has ended
    id     INTEGER PRIMARY KEY,
    began  REAL NOT NULL,
    ended  REAL NOT NULL,
    whole  INTEGER NOT NULL,               -- 0: something that was due is still there
    detail TEXT NOT NULL                   -- JSON
) STRICT;
