-- The backend makes its own ids; rows written by hand get one too.
alter table users alter column id set default gen_random_uuid();
alter table usage_ledger alter column id set default gen_random_uuid();
alter table sessions alter column id set default gen_random_uuid();
alter table email_tokens alter column id set default gen_random_uuid();
alter table checks alter column id set default gen_random_uuid();
alter table result_cache alter column id set default gen_random_uuid();
alter table requests alter column id set default gen_random_uuid();
