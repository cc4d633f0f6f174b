package domain

import "plugboard/shared/fault"

// Replays: what failed, or was held back, is sent again on demand.

// Held is why nothing is sent to w now, as an error for whoever asks for it; nil when something is. installation is that of
// a managed webhook. What an open circuit breaker holds back, here is the place to say.
//
// Conflict `webhook-disabled`, `webhook-paused`, `extension-suspended` or `installation-state`.
func (w Webhook) Held(h Health, installation Installation) error {
	switch {
	case h.State() == HealthDisabled:
		return fault.New(fault.Conflict, "webhook-disabled", "The webhook is disabled. Enable it first. %s", h.Reason)
	case w.Paused:
		return fault.New(fault.Conflict, "webhook-paused", "The webhook is paused. Let it go on first.")
	case w.Extension == "" || w.Lifecycle:
		return nil
	case installation.State == Suspended:
		return fault.New(fault.Conflict, "extension-suspended", "The extension %q is suspended. Resume it first.", w.Extension)
	case !installation.Installed():
		return fault.New(fault.Conflict, "installation-state", "The extension %q is not enabled.", w.Extension)
	}
	return nil
}
