package reporting

// INV-14, besides what package seals recomputes: no seal is older than the one before (but
// for the clocks of several nodes, as INV-20), and none reaches beyond what the ledger has
// rolled up, where lines may still be on their way.
const sealsFollowEachOther = `
	SELECT format('seal:%s sealed_at=%s before=%s', number, sealed_at, last) AS evidence
	FROM (SELECT number, sealed_at, lag(sealed_at) OVER (ORDER BY number) AS last FROM seals) AS s WHERE sealed_at < last - interval '5 seconds'
	UNION ALL
	SELECT format('seal:%s to=%s rolled_up_to=%s', number, to_id, up_to) FROM seals, ledger_watermark WHERE to_id > up_to`
