-- A finished recording lies sealed in the archive. Its key is wrapped by that of a period (ccdaemon/keys.py).

ALTER TABLE recordings ADD COLUMN since REAL;    -- when its call began: retention counts from there
ALTER TABLE recordings ADD COLUMN period TEXT;
ALTER TABLE recordings ADD COLUMN wrapped BLOB;
