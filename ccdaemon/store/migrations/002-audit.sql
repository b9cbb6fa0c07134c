-- The audit chain (ccdaemon/chain.py): what happened to recordings and payments, for those who must be able to rely on it.
-- Identifiers only, never a number or a name.

CREATE TABLE audit (
    seq    INTEGER PRIMARY KEY,
    at     INTEGER NOT NULL,              -- milliseconds since the epoch
    kind   TEXT NOT NULL,
    detail TEXT NOT NULL,                 -- JSON, its keys in order
    hash   TEXT NOT NULL                  -- SHA-256 over the hash of the row before and all that stands here
) STRICT;

CREATE TRIGGER audit_stays BEFORE UPDATE ON audit BEGIN SELECT raise(ABORT, 'the audit chain is not changed'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT raise(ABORT, 'the audit chain is not shortened'); END;
