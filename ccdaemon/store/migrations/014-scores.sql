-- What supervisors think of a recording. It goes with it: nobody could ask any more whether that was right.

CREATE TABLE scores (
    leg             TEXT NOT NULL,
    segment         INTEGER NOT NULL,
    at              REAL NOT NULL,
    scorer          TEXT NOT NULL,
    agent           TEXT NOT NULL,     -- extension
    points          TEXT NOT NULL,     -- JSON: 0 to 5 by criterion
    total           INTEGER,           -- per cent; NULL where nothing applied
    failed          INTEGER NOT NULL,
    comment_leg     TEXT NOT NULL,     -- of the recording of what the scorer says, if there is one
    comment_segment INTEGER NOT NULL,
    PRIMARY KEY (leg, segment),
    FOREIGN KEY (leg, segment) REFERENCES recordings (leg, segment) ON DELETE CASCADE
) STRICT;

CREATE INDEX scores_by_time ON scores (at);
CREATE INDEX objections ON events (call) WHERE kind = 'objection';
