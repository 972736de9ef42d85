"""A mapping of three tables and the first rows of each: dumps of customers and policies, quotes."""

MAPPING = """\
folder = "days"

[sources."客户"]
files = ["客户*.csv"]
kind = "text"
columns = ["客户号", "手机", "建档时间"]
delivery = "dump"

[sources."保单"]
files = ["保单*.csv", "保单*.csv.gz"]
kind = "text"
columns = ["保单号", "客户号", "险种", "签单时间", "起期", "止期", "退保", "保费"]
delivery = "dump"

[sources."报价"]
files = ["报价*.csv"]
kind = "text"
columns = ["报价号", "保单号", "时间", "保费"]
delivery = "increment"

[[tables]]
name = "customers"
source = "客户"
[tables.columns]
customer_id = {from = "客户号"}
phone = {from = "手机"}
registered_at = {from = "建档时间"}

[[tables]]
name = "policies"
source = "保单"
vanished = "report"
[tables.columns]
policy_id = {from = "保单号"}
customer_id = {from = "客户号"}
line = {from = "险种", codes = {"家财" = "household", "意外" = "accident"}}
signed_at = {from = "签单时间"}
inception = {from = "起期"}
expiry = {from = "止期"}
cancelled_on = {from = "退保"}
written_premium = {from = "保费"}

[[tables]]
name = "quotes"
source = "报价"
[tables.columns]
quote_id = {from = "报价号"}
policy_id = {from = "保单号"}
customer_id = {lookup = "policies", by = "policy_id"}
line = {lookup = "policies", by = "policy_id"}
quoted_at = {from = "时间"}
premium = {from = "保费"}
"""
CUSTOMERS = "客户号,手机,建档时间\nC1,13800000001,2024-01-05 10:00:00\n"
HEAD = "保单号,客户号,险种,签单时间,起期,止期,退保,保费\n"
P1 = "P1,C1,家财,2026-05-01 09:00:00,2026-05-02,2027-05-02,,3000.00\n"
P2 = "P2,C1,意外,2026-05-03 09:00:00,2026-05-04,2027-05-04,,950.00\n"
QUOTES = "报价号,保单号,时间,保费\n"
