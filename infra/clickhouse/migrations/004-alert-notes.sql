-- What was said by who took an alert on.

ALTER TABLE alerts_log
  ADD COLUMN IF NOT EXISTS acknowledged_note Nullable(String) COMMENT 'What they had to say about it. NULL: nothing.' CODEC(ZSTD(1)) AFTER acknowledged_ms;
