-- Append one message: what append_events does with a batch of one, with less around it. Most commits of a gateway that is not busy are
-- of this kind, and each of their senders waits for it alone.
--
-- The lock returns the row as the last writer left it, and what comes after it takes its snapshots after that, as in append_events.
-- status: see there.
CREATE FUNCTION append_message(
    _conversation uuid, _sender text, _id uuid, _text text, _digest bytea, _patient boolean
) RETURNS TABLE (
    ordinal integer, status text, seq bigint, at timestamptz, messages bigint, generation integer, epoch uuid
) LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    _c conversations;
    _known events;
BEGIN
    ordinal := 1;
    SELECT h.epoch INTO STRICT epoch FROM history_epoch h;
    -- As in append_events: no lock for who has no business there.
    IF _sender <> '' AND NOT EXISTS (SELECT FROM members m WHERE m.conversation_id = _conversation AND m.user_id = _sender)
       AND NOT EXISTS (SELECT FROM events e WHERE (e.conversation_id, e.sender, e.id) = (_conversation, _sender, _id)) THEN
        status := 'not_found';
        RETURN NEXT;
        RETURN;
    END IF;
    IF _patient THEN
        SELECT * INTO _c FROM conversations c WHERE c.conversation_id = _conversation FOR NO KEY UPDATE;
    ELSE
        SELECT * INTO _c FROM conversations c WHERE c.conversation_id = _conversation FOR NO KEY UPDATE SKIP LOCKED;
    END IF;
    at := clock_timestamp();
    SELECT * INTO _known FROM events e WHERE (e.conversation_id, e.sender, e.id) = (_conversation, _sender, _id);
    generation := _c.generation;
    IF _c.kind = 'inbox' THEN
        status := 'not_found';
    ELSIF _known.seq IS NOT NULL THEN
        status := CASE WHEN _known.digest = _digest THEN 'duplicate' ELSE 'id_reused' END;
        seq := _known.seq; at := _known.at; messages := _known.messages;
    ELSIF _c.conversation_id IS NULL THEN
        status := CASE WHEN EXISTS (SELECT FROM conversations c WHERE c.conversation_id = _conversation)
                       THEN 'busy' ELSE 'not_found' END;
    ELSIF _sender <> ''
          AND NOT EXISTS (SELECT FROM members m WHERE m.conversation_id = _conversation AND m.user_id = _sender) THEN
        status := 'not_found';
    ELSE
        status := 'stored';
        seq := _c.head + 1;
        messages := _c.messages + 1;
        INSERT INTO events (conversation_id, seq, sender, id, type, text, digest, messages, at)
        VALUES (_conversation, seq, _sender, _id, 'message', _text, _digest, messages, at);
        UPDATE conversations c SET head = seq, messages = append_message.messages WHERE c.conversation_id = _conversation;
    END IF;
    RETURN NEXT;
END $$;
