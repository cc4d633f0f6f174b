package contracts

import (
	"context"

	"plugboard/shared/auth"
	"plugboard/shared/contract"
	"plugboard/shared/domain"
)

// Quotas lists every quota and how much of it the account uses.
func (s *Service) Quotas(ctx context.Context, _ *contract.ListQuotasInput) (*contract.ListQuotasOutput, error) {
	uses, err := s.store.QuotaUses(ctx, auth.From(ctx).Account)
	if err != nil {
		return nil, err
	}
	used := map[domain.Quota]int{}
	for _, u := range uses {
		used[u.Quota] = u.Used
	}
	out := &contract.ListQuotasOutput{}
	for _, l := range domain.Quotas {
		v := contract.QuotaView{Quota: l.Quota, What: l.What, Per: "account", Limit: l.Limit, Remedy: l.Remedy}
		if n := used[l.Quota]; l.PerType {
			v.Per = "template-type"
		} else {
			v.Used = &n
		}
		out.Body.Items = append(out.Body.Items, v)
	}
	return out, nil
}
