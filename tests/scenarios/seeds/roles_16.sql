-- Options of memberships and grants on parameters: from version 16.

create role nasty_member_a;
create role nasty_member_b;
create role nasty_member_c noinherit;
grant nasty_member_a to nasty_member_b with inherit false, set true;
grant nasty_member_a to nasty_member_c with admin true, inherit true, set false;
set role nasty_member_c;
grant nasty_member_a to nasty_member_b with admin true, inherit true granted by nasty_member_c;
reset role;
grant set on parameter "log_statement" to nasty_member_a;
grant set, alter system on parameter "nasty.custom_parameter", work_mem to nasty_member_b with grant option;
grant set on parameter enable_seqscan to public;
