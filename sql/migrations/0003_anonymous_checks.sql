alter table checks add column anon_token varchar(64);

create index ix_checks_env_anon_token on checks (env, anon_token);
