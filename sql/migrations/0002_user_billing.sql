alter table users
  add column stripe_customer_id varchar(64),
  add column stripe_subscription_id varchar(64),
  add column billing_anchor date;
