package webhooks

import (
	"context"
	"sync"

	"plugboard/shared/contract"
	"plugboard/shared/domain"
	"plugboard/shared/fault"
)

// view shows a webhook, a managed one with the auth that its blueprint declares.
func (s *Service) view(ctx context.Context, w domain.Webhook, h domain.Health) (contract.WebhookView, error) {
	var declared domain.WebhookBlueprint
	if w.Extension != "" && !w.Lifecycle {
		b, err := s.blueprints.get(ctx, w.Extension, w.Version)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			return contract.WebhookView{}, err
		}
		declared, _ = b.Webhook(w.WebhookKey)
	}
	return contract.ViewWebhook(w, declared, h, s.now()), nil
}

// blueprints reads each blueprint once in a process: a version never changes.
type blueprints struct {
	read func(ctx context.Context, e domain.ExtensionID, version int) (domain.Blueprint, error)

	mu    sync.Mutex
	known map[blueprintKey]domain.Blueprint
}

type blueprintKey struct {
	extension domain.ExtensionID
	version   int
}

// blueprintsMost is how many a process keeps, each of up to 256 KB; beyond, it forgets and reads again.
const blueprintsMost = 100

func (bs *blueprints) get(ctx context.Context, e domain.ExtensionID, version int) (domain.Blueprint, error) {
	k := blueprintKey{e, version}
	bs.mu.Lock()
	b, ok := bs.known[k]
	bs.mu.Unlock()
	if ok {
		return b, nil
	}
	b, err := bs.read(ctx, e, version)
	if err != nil {
		return b, err
	}
	bs.mu.Lock()
	defer bs.mu.Unlock()
	if bs.known == nil || len(bs.known) >= blueprintsMost {
		bs.known = map[blueprintKey]domain.Blueprint{}
	}
	bs.known[k] = b
	return b, nil
}
