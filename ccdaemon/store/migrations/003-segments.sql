-- A leg may have several recorders, one after the other: each made a segment.

CREATE TABLE segments (
    leg     TEXT NOT NULL,
    segment INTEGER NOT NULL,
    call    TEXT,                         -- NULL: the file was found, and no call is known for it
    service TEXT,
    started REAL,
    stopped REAL,
    reason  TEXT,                         -- why it stopped
    file    TEXT,                         -- below the archive, once it is finished
    seconds REAL,
    bytes   INTEGER,
    sha256  TEXT,
    fault   TEXT,                         -- what is wrong with it, in words
    PRIMARY KEY (leg, segment)
) STRICT;

INSERT INTO segments (leg, segment, call, service, started, stopped, reason, file, seconds, bytes, sha256, fault)
SELECT leg, 1, call, service, started, stopped, reason, file, seconds, bytes, sha256, fault FROM recordings;

DROP TABLE recordings;
ALTER TABLE segments RENAME TO recordings;
CREATE INDEX recordings_of_call ON recordings (call);
