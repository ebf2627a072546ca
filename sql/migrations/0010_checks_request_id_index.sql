-- migrate: no-transaction
-- Deleting a request looks for its checks.
create index concurrently if not exists ix_checks_request_id on checks (request_id);
