create table anonymous_usage (
  token varchar(64) primary key,
  checks_allowed bigint not null default 1,
  checks_used bigint not null default 0,
  updated_at timestamptz not null default now()
);
