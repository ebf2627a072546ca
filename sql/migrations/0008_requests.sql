create table requests (
  id uuid primary key,
  created_at timestamptz not null default now(),
  claim text,
  mode varchar(32),
  env varchar(16),
  user_id uuid references users (id) on delete set null,
  anon_token varchar(64),
  user_agent varchar(256),
  client_ip varchar(64)
);

create index ix_requests_user_id on requests (user_id);
create index ix_requests_anon_env on requests (env, anon_token);

alter table checks add column request_id uuid references requests (id) on delete set null;
