ALTER FUNCTION complete_events(history_change[]) RESET enable_hashjoin RESET enable_mergejoin;
