package webhooks

import (
	"context"

	"plugboard/shared/contract"
)

// Statistics reads a webhook's figures of the last hours. They lag behind the log by up to a minute of a process's
// work, and lack what a process had not written when it ended.
func (s *Service) Statistics(ctx context.Context,
	in *contract.ReadWebhookStatisticsInput) (*contract.ReadWebhookStatisticsOutput, error) {
	w, err := s.webhook(ctx, in.Webhook)
	if err != nil {
		return nil, err
	}
	now := s.now()
	stored, err := s.store.Statistics(ctx, w.Account, w.ID, contract.StatisticsFrom(in.Hours, now))
	return contract.ViewStatistics(w.ID, stored, in.Hours, now), err
}
