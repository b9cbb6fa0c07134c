-- Rows of the audit chain have a time of their own. Those up to the newest checkpoint may go (ccdaemon/chain.py).

CREATE INDEX audit_checkpoints ON audit (seq) WHERE kind = 'checkpoint';
CREATE INDEX audit_by_time ON audit (at);

CREATE VIEW audit_behind AS                        -- the last row that may go
SELECT coalesce((
    SELECT json_extract(detail, '$.seq') FROM audit WHERE kind = 'checkpoint' ORDER BY audit.seq DESC LIMIT 1
), 0) AS seq;

DROP TRIGGER audit_is_kept;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit WHEN OLD.seq > (SELECT seq FROM audit_behind)
BEGIN SELECT raise(ABORT, 'the audit chain is not shortened'); END;
