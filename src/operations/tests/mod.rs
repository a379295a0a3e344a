//! Operations over a bucket in memory: in which order they do what must not be done in
//! another, and what is left when one step fails.

mod bundles;
mod damaged;
mod history;
mod home;
mod hurry;
mod in_the_way;
mod kills;
mod mass_change;
mod order_of_backup;
mod order_of_hooks;
mod order_of_leaving;
mod order_of_others;
mod order_of_upload;
mod parts;
mod portions;
