-- What people ask about themselves, what is kept from them, and what is given to others. No numbers, no names of theirs.

CREATE TABLE cases (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,  -- never twice: the audit chain names them
    kind      TEXT NOT NULL,
    reference TEXT NOT NULL,
    received  TEXT NOT NULL,               -- a day, as all of these are
    opener    TEXT NOT NULL,
    extended  INTEGER NOT NULL DEFAULT 0,
    closed    TEXT,
    outcome   TEXT
) STRICT;

CREATE TABLE pauses (
    case_id INTEGER NOT NULL REFERENCES cases (id) ON DELETE CASCADE,
    began   TEXT NOT NULL,
    ended   TEXT
) STRICT;

CREATE UNIQUE INDEX pauses_open ON pauses (case_id) WHERE ended IS NULL;
CREATE INDEX pauses_of_case ON pauses (case_id);

CREATE TABLE redactions (                  -- of a recording, in seconds, or of an item's message, in characters
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    why     TEXT NOT NULL,
    begins  REAL NOT NULL,
    ends    REAL NOT NULL,
    leg     TEXT,
    segment INTEGER,
    kind    TEXT,
    source  TEXT,
    message INTEGER NOT NULL,
    FOREIGN KEY (leg, segment) REFERENCES recordings (leg, segment) ON DELETE CASCADE,
    FOREIGN KEY (kind, source) REFERENCES items (class, source) ON DELETE CASCADE
) STRICT;

CREATE INDEX redactions_of_recording ON redactions (leg, segment) WHERE leg IS NOT NULL;
CREATE INDEX redactions_of_item ON redactions (kind, source) WHERE source IS NOT NULL;

CREATE TABLE disclosures (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    recipient    TEXT NOT NULL,
    organisation TEXT NOT NULL,
    ground       TEXT NOT NULL,
    reference    TEXT NOT NULL,
    recordings   TEXT NOT NULL,            -- JSON: leg and segment of each
    requested    REAL NOT NULL,
    requester    TEXT NOT NULL,
    approved     REAL,
    approver     TEXT,
    refused      REAL,
    refuser      TEXT,
    received     REAL
) STRICT;

CREATE TABLE packages (                    -- each that was written, and the hash of the list of its files
    disclosure INTEGER NOT NULL REFERENCES disclosures (id) ON DELETE CASCADE,
    at         REAL NOT NULL,
    packager   TEXT NOT NULL,
    manifest   TEXT NOT NULL
) STRICT;

CREATE INDEX packages_of_disclosure ON packages (disclosure);

CREATE VIEW unheld_recordings AS           -- those that no hold keeps; of calls that became one, all or none
SELECT recordings.rowid AS row, recordings.leg, recordings.segment, coalesce(recordings.service, '') AS service,
       recordings.file, recordings.call, coalesce(calls.began, recordings.since, recordings.started) AS at
FROM recordings LEFT JOIN calls ON calls.id = recordings.call
WHERE coalesce(recordings.call, '') NOT IN (SELECT call FROM held_calls)
AND NOT EXISTS (
    SELECT 1 FROM holds AS span WHERE span.released IS NULL AND span.since IS NOT NULL
    AND span.since <= coalesce(recordings.since, recordings.started)
    AND span.until > coalesce(recordings.since, recordings.started)
);

CREATE VIEW unheld_calls AS                -- those that have their caller still
SELECT calls.id, coalesce(calls.service, '') AS service, calls.began, coalesce(main.began, calls.began) AS main_began,
       coalesce(calls.merged, calls.id) AS main, calls.ended
FROM calls LEFT JOIN calls AS main ON main.id = calls.merged
WHERE NOT calls.expired AND coalesce(calls.merged, calls.id) NOT IN (SELECT call FROM held_calls);

CREATE INDEX audit_accesses ON audit (json_extract(detail, '$.leg')) WHERE kind = 'access' AND json_valid(detail);

CREATE VIEW told_items AS                  -- of which call they are, after a merger
SELECT items.id, class, source, at, items.service, coalesce(calls.merged, items.call) AS call, chat, party, body,
       items.period, party_index, items.call AS named_call
FROM items LEFT JOIN calls ON calls.id = items.call;
