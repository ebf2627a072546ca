-- Seeds are unsigned 64-bit: half of them do not fit a bigint.
alter table checks
  alter column seed type numeric(20, 0),
  alter column bootstrap_seed type numeric(20, 0);
