-- Messages, chats, posts and transcripts that other programs bring. What was said, and with whom, is hidden by the key of
-- a period (ccdaemon/parties.py).

CREATE TABLE items (
    id          INTEGER PRIMARY KEY,
    class       TEXT NOT NULL,
    source      TEXT NOT NULL,             -- its name in the program that brought it
    at          REAL NOT NULL,
    service     TEXT,
    call        TEXT,                      -- whose transcript it is
    chat        TEXT,                      -- or of which chat, by its source
    party       BLOB,
    party_index TEXT,
    body        BLOB NOT NULL,             -- all of it, as JSON
    period      TEXT NOT NULL,
    UNIQUE (class, source)
) STRICT;

CREATE INDEX items_by_time ON items (class, at);
CREATE INDEX items_by_party ON items (party_index) WHERE party_index IS NOT NULL;
CREATE INDEX items_of_call ON items (call) WHERE call IS NOT NULL;
CREATE INDEX items_of_chat ON items (chat) WHERE chat IS NOT NULL;
CREATE INDEX items_of_period ON items (period);

CREATE VIEW held_items AS                  -- each with a hold that keeps it
SELECT items.id AS item, held_callers.hold FROM held_callers JOIN items ON items.party_index = held_callers.caller_index
UNION
SELECT items.id, held_calls.hold FROM items LEFT JOIN calls ON calls.id = items.call
JOIN held_calls ON held_calls.call = coalesce(calls.merged, items.call)
WHERE items.call IS NOT NULL
UNION
SELECT items.id, hold.id FROM standing_holds AS hold JOIN items ON items.at >= hold.since AND items.at < hold.until
UNION
SELECT items.id, held_callers.hold FROM held_callers JOIN items AS chat ON chat.party_index = held_callers.caller_index
JOIN items ON items.chat = chat.source AND chat.class = 'webchat';
