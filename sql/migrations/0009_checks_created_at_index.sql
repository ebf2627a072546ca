-- migrate: no-transaction
-- Every export reads checks by day, in this order.
create index concurrently if not exists ix_checks_created_at on checks (created_at);
