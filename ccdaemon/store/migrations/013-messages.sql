-- Messages of callers lie in the archive as recordings do, as a class of their own. Each is a task until it is done.

ALTER TABLE recordings ADD COLUMN class TEXT NOT NULL DEFAULT 'recording';

CREATE TABLE messages (
    leg      TEXT NOT NULL,
    segment  INTEGER NOT NULL,
    language TEXT,
    tries    INTEGER NOT NULL DEFAULT 0,  -- on the day of the last one
    tried    REAL,
    done     REAL,
    doer     TEXT,                        -- a phone, or a user of this machine
    PRIMARY KEY (leg, segment),
    FOREIGN KEY (leg, segment) REFERENCES recordings (leg, segment) ON DELETE CASCADE
) STRICT;

CREATE INDEX messages_waiting ON messages (leg) WHERE done IS NULL;

DROP VIEW unheld_recordings;
CREATE VIEW unheld_recordings AS           -- those that no hold keeps; of calls that became one, all or none
SELECT recordings.rowid AS row, recordings.leg, recordings.segment, coalesce(recordings.service, '') AS service,
       recordings.file, recordings.call, coalesce(calls.began, recordings.since, recordings.started) AS at,
       recordings.class
FROM recordings LEFT JOIN calls ON calls.id = recordings.call
WHERE coalesce(recordings.call, '') NOT IN (SELECT call FROM held_calls)
AND NOT EXISTS (
    SELECT 1 FROM holds AS span WHERE span.released IS NULL AND span.since IS NOT NULL
    AND span.since <= coalesce(recordings.since, recordings.started)
    AND span.until > coalesce(recordings.since, recordings.started)
);

DROP VIEW told_calls;
CREATE VIEW told_calls AS                  -- a call as it is listed
SELECT id, began, ended, seen_end, dialled, caller, period, service, language, tier,
       (SELECT count(*) FROM recordings WHERE call = calls.id AND class = 'recording') AS recordings, caller_index,
       merged
FROM calls;
