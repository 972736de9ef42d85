-- Who is due for which touchpoint on the day after {as_of}: the shipped catalogue, by hand.
-- Days that tags count are one further on the day of contact, {day}.
CREATE OR REPLACE TEMP TABLE t AS
SELECT
    u.customer_id, u.branch, u.motor_policies_in_force, u.motor_policies_ahead, u.business_type,
    u.insured_from_new, u.account_manager_changed, u.commercial_term_number,
    u.commercial_renewal_signed, u.commercial_cancellation_known, u.new_energy, u.vehicle_kind,
    CAST(u.days_since_last_motor_signing + 1 AS INTEGER) AS since_signing,
    CAST(u.days_since_latest_commercial_inception + 1 AS INTEGER) AS since_inception,
    CAST(u.days_to_unrenewed_expiry - 1 AS INTEGER) AS to_expiry,
    CAST(u.days_to_next_birthday - 1 AS INTEGER) AS to_birthday,
    e.mini_program_bound, e.days_since_mini_program_bound, e.days_since_wecom_added,
    n.entitlements_open, n.entitlements_to_notify, n.entitlements_to_activate,
    n.entitlement_used_count_365d,
    CAST(n.days_since_last_entitlement_grant + 1 AS INTEGER) AS since_grant,
    CAST(n.days_since_last_entitlement_use + 1 AS INTEGER) AS since_use,
    CAST(n.days_to_next_entitlement_expiry - 1 AS INTEGER) AS to_entitlement_expiry,
    c.open_claims,
    CAST(c.days_since_last_claim_reported + 1 AS INTEGER) AS since_report,
    CAST(c.days_since_last_claim_surveyed + 1 AS INTEGER) AS since_survey,
    CAST(c.days_since_last_claim_paid + 1 AS INTEGER) AS since_payment,
    CAST(c.days_since_last_claim_closed + 1 AS INTEGER) AS since_closing,
    b.renewal_quote_delivered, b.renewal_quote_viewed,
    CAST(b.days_since_renewal_quote + 1 AS INTEGER) AS since_quote,
    CAST(b.days_since_last_quote_view + 1 AS INTEGER) AS since_view,
    v.vehicle_in_first_two_years,
    CAST(v.days_to_next_inspection_mark - 1 AS INTEGER) AS to_inspection,
    CAST(v.days_to_next_maintenance - 1 AS INTEGER) AS to_maintenance,
    CAST(v.days_since_first_registration + 1 AS INTEGER) AS since_registration,
    l.star_level AS star, l.life_cycle_stage,
    CAST(l.days_since_motor_cover_end + 1 AS INTEGER) AS since_end
FROM '{underwriting}' u
JOIN '{engagement}' e USING (customer_id)
JOIN '{entitlements}' n USING (customer_id)
JOIN '{claims}' c USING (customer_id)
JOIN '{behaviour}' b USING (customer_id)
JOIN '{vehicle_care}' v USING (customer_id)
JOIN '{loyalty}' l USING (customer_id);

COPY (
WITH found AS (
    SELECT customer_id, 'thanks_and_policy_notice' AS touchpoint, {day} - since_signing + 1 AS due_on, {day} - since_signing + 7 AS window_end,
        CASE WHEN star >= 4 THEN ['phone', 'wecom', 'sms'] ELSE ['sms', 'wecom', 'wechat'] END AS channels, star, {day} - since_signing AS counts_from
    FROM t WHERE since_signing BETWEEN 1 AND 7 AND (motor_policies_in_force > 0 OR motor_policies_ahead > 0)
    UNION ALL
    SELECT customer_id, 'plate_endorsement_reminder', {day} - since_signing + 15, {day} - since_signing + 40, ['sms', 'wecom', 'phone'], star, {day} - since_signing
    FROM t WHERE since_signing BETWEEN 15 AND 40 AND business_type = 'new' AND insured_from_new AND motor_policies_in_force > 0
    UNION ALL
    SELECT customer_id, 'mini_program_follow', {day} - since_signing + 3, {day} - since_signing + 30,
        CASE WHEN star >= 4 THEN ['phone', 'wecom'] ELSE ['wecom', 'sms', 'phone'] END, star, {day} - since_signing
    FROM t WHERE since_signing BETWEEN 3 AND 30 AND motor_policies_in_force > 0 AND NOT mini_program_bound
    UNION ALL
    SELECT customer_id, 'entitlement_notice', {day} - since_grant + 1, {day} - since_grant + 14,
        CASE WHEN star >= 4 THEN ['phone', 'wecom', 'sms'] ELSE ['wecom', 'wechat', 'sms'] END, star, {day} - since_grant
    FROM t WHERE since_grant BETWEEN 1 AND 14 AND entitlements_open >= 1 AND (entitlements_to_notify >= 1 OR days_since_mini_program_bound <= 1)
    UNION ALL
    SELECT customer_id, 'entitlement_activation', {day} - since_grant + 15, {day} - since_grant + 60,
        CASE WHEN star >= 4 THEN ['wecom', 'phone'] ELSE ['wecom', 'wechat', 'sms'] END, star, {day} - since_grant
    FROM t WHERE since_grant BETWEEN 15 AND 60 AND entitlements_to_activate >= 1
    UNION ALL
    SELECT customer_id, 'entitlement_follow_up', {day} - since_use + 1, {day} - since_use + 7, ['wecom', 'wechat', 'phone'], star, {day} - since_use
    FROM t WHERE since_use BETWEEN 1 AND 7 AND entitlement_used_count_365d >= 1
    UNION ALL
    SELECT customer_id, 'entitlement_use_reminder', {day} + to_entitlement_expiry - 30, {day} + to_entitlement_expiry - 5,
        CASE WHEN star >= 4 THEN ['phone', 'wecom'] WHEN star >= 3 THEN ['wecom', 'phone', 'sms'] ELSE ['wecom', 'wechat', 'sms'] END, star,
        {day} + to_entitlement_expiry - 30
    FROM t WHERE to_entitlement_expiry BETWEEN 5 AND 30 AND entitlements_open >= 1
    UNION ALL
    SELECT customer_id, 'underwriting_satisfaction', {day} - since_signing + 7, {day} - since_signing + 15, ['phone', 'wecom'], star, {day} - since_signing
    FROM t WHERE since_signing BETWEEN 7 AND 15 AND (motor_policies_in_force > 0 OR motor_policies_ahead > 0)
    UNION ALL
    SELECT customer_id, 'account_manager_notice', {day} - since_inception + 1, {day} - since_inception + 14,
        CASE WHEN star >= 4 THEN ['phone', 'wecom'] ELSE ['wecom', 'sms', 'phone'] END, star, {day} - since_inception
    FROM t WHERE since_inception BETWEEN 1 AND 14 AND (account_manager_changed OR commercial_term_number = 1 OR days_since_wecom_added <= 1)
    UNION ALL
    SELECT customer_id, 'service_reminder', {day} + to_inspection - 60, {day} + to_inspection - 15,
        CASE WHEN star >= 4 THEN ['phone', 'wecom'] ELSE ['wecom', 'wechat', 'sms'] END, star, {day} + to_inspection - 60
    FROM t WHERE to_inspection BETWEEN 15 AND 60 AND motor_policies_in_force > 0 AND entitlements_open >= 1
    UNION ALL
    SELECT customer_id, 'birthday', {day}, {day}, CASE WHEN star >= 4 THEN ['phone', 'wecom'] ELSE ['wecom', 'wechat', 'sms'] END, star, {day} - 364
    FROM t WHERE to_birthday = 0 AND motor_policies_in_force > 0
    UNION ALL
    SELECT customer_id, 'holiday', DATE '2026-06-18', DATE '2026-06-19', ['wechat', 'wecom', 'sms'], star, DATE '2026-06-18'
    FROM t WHERE motor_policies_in_force > 0
    UNION ALL
    SELECT customer_id, 'accident_care', {day} - since_report + 1, {day} - since_report + 3,
        CASE WHEN star >= 4 THEN ['phone', 'wecom'] ELSE ['phone', 'wecom', 'sms'] END, star, {day} - since_report
    FROM t WHERE since_report BETWEEN 1 AND 3 AND open_claims >= 1
    UNION ALL
    SELECT customer_id, 'survey_satisfaction', {day} - since_survey + 1, {day} - since_survey + 3, ['wecom', 'sms', 'phone'], star, {day} - since_survey
    FROM t WHERE since_survey BETWEEN 1 AND 3 AND open_claims >= 1
    UNION ALL
    SELECT customer_id, 'payment_confirmation', {day} - since_payment + 1, {day} - since_payment + 3,
        CASE WHEN star >= 4 THEN ['phone', 'wecom'] ELSE ['sms', 'wecom', 'phone'] END, star, {day} - since_payment
    FROM t WHERE since_payment BETWEEN 1 AND 3
    UNION ALL
    SELECT customer_id, 'claims_satisfaction', {day} - since_closing + 3, {day} - since_closing + 10, ['phone', 'wecom'], star, {day} - since_closing
    FROM t WHERE since_closing BETWEEN 3 AND 10
    UNION ALL
    SELECT customer_id, 'new_car_maintenance', {day} + to_maintenance - 30, {day} + to_maintenance - 7, ['wecom', 'wechat', 'sms'], star, {day} + to_maintenance - 30
    FROM t WHERE to_maintenance BETWEEN 7 AND 30 AND motor_policies_in_force > 0 AND vehicle_in_first_two_years
    UNION ALL
    SELECT customer_id, 'new_car_care', {day} - since_registration + 30, {day} - since_registration + 75, ['wechat', 'wecom', 'app'], star, {day} - 364
    FROM t WHERE since_registration BETWEEN 30 AND 75 AND motor_policies_in_force > 0 AND vehicle_kind = 'car'
    UNION ALL
    SELECT customer_id, 'battery_care', DATE '2026-06-01', DATE '2026-06-30', ['wechat', 'wecom', 'app'], star, DATE '2026-06-01'
    FROM t WHERE motor_policies_in_force > 0 AND new_energy
    UNION ALL
    SELECT customer_id, 'win_back_1m', {day} - since_end + 30, {day} - since_end + 59,
        CASE WHEN star >= 4 THEN ['phone', 'wecom'] ELSE ['phone', 'wecom', 'sms'] END, star, {day} - since_end
    FROM t WHERE since_end BETWEEN 30 AND 59 AND motor_policies_in_force = 0 AND motor_policies_ahead = 0
    UNION ALL
    SELECT customer_id, 'win_back_3m', {day} - since_end + 90, {day} - since_end + 119, ['wecom', 'sms'], star, {day} - since_end
    FROM t WHERE since_end BETWEEN 90 AND 119 AND motor_policies_in_force = 0 AND motor_policies_ahead = 0
    UNION ALL
    SELECT customer_id, 'win_back_6m', {day} - since_end + 165, {day} - since_end + 184,
        CASE WHEN star >= 3 THEN ['phone', 'wecom'] ELSE ['wecom', 'sms'] END, star, {day} - since_end
    FROM t WHERE since_end BETWEEN 165 AND 184 AND motor_policies_in_force = 0 AND motor_policies_ahead = 0
    UNION ALL
    SELECT customer_id, 'win_back_11m', {day} - since_end + 325, {day} - since_end + 360, ['phone', 'wecom', 'sms'], star, {day} - since_end
    FROM t WHERE since_end BETWEEN 325 AND 360 AND motor_policies_in_force = 0 AND motor_policies_ahead = 0
    UNION ALL
    SELECT customer_id, 'renewal_60d', {day} + to_expiry - 60, {day} + to_expiry - 31,
        CASE WHEN star >= 4 THEN ['phone', 'wecom'] WHEN star >= 3 THEN ['wecom', 'phone', 'sms'] WHEN life_cycle_stage = 'entry' THEN ['sms', 'phone'] ELSE ['wecom', 'sms', 'phone'] END,
        star, {day} + to_expiry - 60
    FROM t WHERE to_expiry BETWEEN 31 AND 60
    UNION ALL
    SELECT customer_id, 'renewal_30d', {day} + to_expiry - 30, {day} + to_expiry - 16,
        CASE WHEN star >= 4 THEN ['phone', 'wecom'] WHEN star >= 3 THEN ['phone', 'wecom', 'sms'] ELSE ['wecom', 'sms', 'phone'] END, star, {day} + to_expiry - 30
    FROM t WHERE to_expiry BETWEEN 16 AND 30
    UNION ALL
    SELECT customer_id, 'renewal_15d', {day} + to_expiry - 15, {day} + to_expiry - 8,
        CASE WHEN star >= 3 THEN ['phone', 'wecom'] ELSE ['phone', 'wecom', 'sms'] END, star, {day} + to_expiry - 15
    FROM t WHERE to_expiry BETWEEN 8 AND 15
    UNION ALL
    SELECT customer_id, 'renewal_7d', {day} + to_expiry - 7, {day} + to_expiry - 2,
        CASE WHEN star >= 3 THEN ['phone', 'wecom', 'sms'] ELSE ['sms', 'wecom', 'phone'] END, star, {day} + to_expiry - 7
    FROM t WHERE to_expiry BETWEEN 2 AND 7
    UNION ALL
    SELECT customer_id, 'renewal_1d', {day} + to_expiry - 1, {day} + to_expiry - 1,
        CASE WHEN star >= 3 THEN ['phone', 'sms'] ELSE ['sms', 'phone', 'wecom'] END, star, {day} + to_expiry - 1
    FROM t WHERE to_expiry = 1
    UNION ALL
    SELECT customer_id, 'quote_reached', {day} - since_quote + 1, {day} - since_quote + 14, ['wecom', 'sms', 'phone'], star, {day} - since_quote
    FROM t WHERE since_quote BETWEEN 1 AND 14 AND renewal_quote_delivered AND NOT renewal_quote_viewed AND NOT commercial_renewal_signed
    UNION ALL
    SELECT customer_id, 'quote_viewed_not_paid', {day} - since_view + 1, {day} - since_view + 7,
        CASE WHEN star >= 3 THEN ['phone', 'wecom'] ELSE ['wecom', 'phone', 'sms'] END, star, {day} - since_view
    FROM t WHERE since_view BETWEEN 1 AND 7 AND renewal_quote_viewed AND NOT commercial_renewal_signed AND NOT commercial_cancellation_known
),
made AS (
    SELECT customer_id, touchpoint, max(occurred_on) AS last_made FROM '{interactions}'
    WHERE direction = 'out' AND result IS DISTINCT FROM 'no_answer' AND occurred_at < {cutoff} AND recorded_at < {cutoff}
        AND (superseded_at IS NULL OR superseded_at >= {cutoff})
    GROUP BY ALL
)
SELECT customer_id, touchpoint, due_on, window_end, channels, star
FROM found LEFT JOIN made USING (customer_id, touchpoint)
WHERE last_made IS NULL OR last_made < counts_from
ORDER BY customer_id, touchpoint
) TO '{out}' (FORMAT parquet);
