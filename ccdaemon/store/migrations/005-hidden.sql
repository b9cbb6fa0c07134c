-- Who called is hidden by the key of a period (ccdaemon/parties.py), and gone once the call is expired.

ALTER TABLE calls DROP COLUMN number;
ALTER TABLE calls ADD COLUMN caller BLOB;            -- NULL where it was withheld
ALTER TABLE calls ADD COLUMN caller_index TEXT;
ALTER TABLE calls ADD COLUMN period TEXT;
ALTER TABLE calls ADD COLUMN expired INTEGER NOT NULL DEFAULT 0;

CREATE INDEX calls_by_caller ON calls (caller_index) WHERE caller_index IS NOT NULL;
CREATE INDEX calls_of_period ON calls (period) WHERE period IS NOT NULL;
CREATE INDEX recordings_of_period ON recordings (period) WHERE period IS NOT NULL;
CREATE INDEX recordings_by_time ON recordings (since) WHERE since IS NOT NULL;

CREATE VIEW told_calls AS                            -- a call as it is listed
SELECT id, began, ended, seen_end, dialled, caller, period, service, language, tier,
       (SELECT count(*) FROM recordings WHERE call = calls.id) AS recordings, caller_index, merged
FROM calls;
