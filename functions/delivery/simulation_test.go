package delivery

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"plugboard/shared/domain"
	"plugboard/shared/queue"
)

// A day with dead endpoints, simulated second by second with the code that decides in production: domain.Health, Run
// and LetGo, the waits of the schedule, and SQS's longest delay. `make simulate` prints it.
//
// 10,000 deliveries a second go to 10,000 endpoints, which answer within 200 ms. Some of them hang, for a day, and are
// well again for half a day. Of those that hang a sample is worked one by one and counted as often as it stands for;
// the well ones are a number. A batch takes as long as the slowest of its ten, and what a queue holds is worked in its
// order: there is none of SQS's own fairness in it. Not in it either: endpoints of different sizes, cold starts,
// throttling.
const (
	simEndpoints = 10_000 // each gets a delivery a second
	simSample    = 40
	simDead      = 24 * 60 * 60 // seconds
	simDies      = 60
	simEnd       = simDies + simDead + 12*60*60

	simQuickMost, simSlowMost = 400, 50 // batches at once; prod has 200 and 50
	simAnswer                 = 0.2 + 0.05
	simTimeout                = 5 // the default
	simHang                   = simTimeout + 0.05

	inFlightMost = 120_000 // a standard queue's quota
)

// simMessage is a delivery to an endpoint of the sample, or many to well ones.
type simMessage struct {
	since   int32 // the second of its event
	to      int16
	attempt int8
	slow    bool
}

// simEndpoint is one of the sample.
type simEndpoint struct {
	health  domain.Health
	seen    []domain.Run // by each process
	known   domain.Health
	knownAt int
	parked  []simMessage
	before  int // that were let go in the minute before
}

// simQueue is a queue and what works it off.
type simQueue struct {
	most     float64 // batches at once
	cohorts  []simCohort
	hangs    float64 // the part of what is worked that hangs, probes among it
	probes   float64
	carried  float64 // what could have been worked, and was not
	inFlight float64
	busy     float64 // batches at once
}

// simCohort is what came to a queue in one second.
type simCohort struct {
	at       int
	well     float64
	messages []simMessage
}

func (l *simQueue) add(at int, m ...simMessage) {
	if n := len(l.cohorts); n == 0 || l.cohorts[n-1].at < at {
		l.cohorts = append(l.cohorts, simCohort{at: at})
	}
	c := &l.cohorts[len(l.cohorts)-1]
	c.messages = append(c.messages, m...)
}

type simulation struct {
	t         *testing.T
	protected bool
	service   *Service
	drawn     *rand.Rand
	stands    float64 // how many endpoints one of the sample stands for
	dead      float64
	endpoints []simEndpoint
	quick     simQueue
	slow      simQueue
	later     map[int][]simMessage // retries, by the second in which they come to a queue
	outcomes  map[int][]simOutcome // of attempts that hang, by the second in which they end

	simCounts
}

type simOutcome struct {
	simMessage
	process int
	claimed bool
}

type simCounts struct {
	accepted, delivered, exhausted                float64
	retries                                       map[int]float64 // by the minute in which they are due
	parkedMost, parkedNow, inFlightMost, busyMost float64
	oldestMost, oldestAfterFive, slowestAfterFive int     // seconds: the well ones' age in their queue
	openedBy                                      int     // the second after which nine of ten are open
	writes, requests, slots                       float64 // write units, SQS's requests, seconds of a batch
	attempts                                      float64 // that hung
}

func newSimulation(t *testing.T, dead float64, protected bool) *simulation {
	s := &simulation{
		t: t, protected: protected, drawn: rand.New(rand.NewPCG(1, uint64(dead*100))),
		stands: dead * simEndpoints / simSample, dead: dead,
		endpoints: make([]simEndpoint, simSample), quick: simQueue{most: simQuickMost},
		slow:  simQueue{most: simSlowMost},
		later: map[int][]simMessage{}, outcomes: map[int][]simOutcome{},
	}
	s.retries = map[int]float64{}
	s.service = &Service{jitter: s.drawn.Float64}
	for i := range s.endpoints {
		s.endpoints[i].seen = make([]domain.Run, simQuickMost)
		for p := range s.endpoints[i].seen {
			s.endpoints[i].seen[p].Failures = -20 // they were well
		}
	}
	return s
}

var simBegan = time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)

func simAt(second int) time.Time { return simBegan.Add(time.Duration(second) * time.Second) }

func dying(second int) bool { return second >= simDies && second < simDies+simDead }

func (s *simulation) run() {
	for second := range simEnd {
		s.arrive(second)
		for _, o := range s.outcomes[second] {
			s.ends(second, o)
		}
		delete(s.outcomes, second)
		s.work(second, &s.quick)
		s.work(second, &s.slow)
		if second%60 == 0 {
			s.redeliver(second)
		}
		s.measure(second)
	}
}

// arrive puts a second's deliveries, and the retries that are due, into the queues.
func (s *simulation) arrive(second int) {
	s.quick.cohorts = append(s.quick.cohorts, simCohort{at: second, well: simEndpoints * (1 - s.dead)})
	s.accepted += simEndpoints
	for i := range s.endpoints {
		m := simMessage{since: int32(second), to: int16(i), attempt: 1, slow: s.endpoints[i].health.Slow()}
		s.queue(m).add(second, m)
	}
	for _, m := range s.later[second] {
		s.queue(m).add(second, m)
	}
	s.requests += simEndpoints / 10
	delete(s.later, second)
}

func (s *simulation) queue(m simMessage) *simQueue {
	if m.slow {
		return &s.slow
	}
	return &s.quick
}

// work works off what a queue's batches can in a second.
func (s *simulation) work(second int, l *simQueue) {
	part := 1.0
	for range 10 {
		part *= 1 - l.hangs
	}
	takes := simAnswer + (1-part)*(simHang-simAnswer) // a batch, on average
	left := l.carried + l.most/takes*10
	l.carried = 0
	worked, hung, probed := 0.0, 0.0, 0.0
	for len(l.cohorts) > 0 && left > 0 {
		c := &l.cohorts[0]
		size := c.well + float64(len(c.messages))*s.stands
		some := min(1, left/max(size, 1e-9))
		well, messages := c.well*some, c.messages
		if some < 1 {
			messages = c.messages[:int(float64(len(c.messages))*some)]
		}
		c.well, c.messages = c.well-well, c.messages[len(messages):]
		n := well + float64(len(messages))*s.stands
		left, worked = left-n, worked+n
		s.delivered, s.writes = s.delivered+well, s.writes+well
		for _, m := range messages {
			switch hangs, probe := s.take(second, m); {
			case hangs && probe:
				probed += s.stands
			case hangs:
				hung += s.stands
			}
		}
		if some < 1 {
			l.carried = left // one of the sample is more than what is left of this second
			break
		}
		l.cohorts = l.cohorts[1:]
	}
	// Probes are spread over a minute: one of the sample's would be many at once.
	l.probes += (probed/max(worked, 1) - l.probes) / 60
	l.hangs = hung/max(worked, 1) + l.probes
	l.busy = worked / 10 * takes
	l.inFlight = l.busy * 10
	s.slots += l.busy
	s.requests += worked / 10 * 2
	s.attempts += hung + probed
}

// take is attempt for a message: what it does with it, whether its attempt hangs, and whether that is a probe.
func (s *simulation) take(second int, m simMessage) (hangs, probe bool) {
	e := &s.endpoints[m.to]
	if second-e.knownAt >= 2 { // as long as a target is known
		e.known, e.knownAt = e.health, second
	}
	now, h := simAt(second), e.known
	o := simOutcome{simMessage: m, process: s.drawn.IntN(simQuickMost)}
	if s.protected {
		switch open := h.Breaker.Holds(now); {
		case open && !(m.slow && h.Breaker.Due(now)):
			s.park(m)
			return false, false
		case h.Slow() && !m.slow:
			m.slow = true
			s.slow.add(second, m)
			s.requests += s.stands / 10
			return false, false
		case open:
			if !e.health.Breaker.Due(now) { // another has it
				s.park(m)
				return false, false
			}
			e.health, o.claimed = e.health.Claimed(now), true
			e.known, s.writes = e.health, s.writes+2*s.stands
		}
	}
	if !dying(second) {
		s.ends(second, o)
		return false, false
	}
	end := second + simTimeout
	s.outcomes[end] = append(s.outcomes[end], o)
	return true, o.claimed
}

func (s *simulation) park(m simMessage) {
	e := &s.endpoints[m.to]
	e.parked = append(e.parked, m)
	s.writes += s.stands
}

// ends is what comes of an attempt.
func (s *simulation) ends(second int, o simOutcome) {
	e, now := &s.endpoints[o.to], simAt(second)
	line := domain.Attempt{Number: int(o.attempt), Outcome: domain.OutcomeDelivered, Status: 200, Milliseconds: 200}
	hung := answer{timedOut: true, err: errors.New("")}
	if dying(second) || second == simDies+simDead {
		line.Outcome, line.Status, line.Milliseconds = domain.OutcomeFailed, 0, 5000
	}
	s.writes += s.stands
	if s.protected {
		sight := domain.Observation{Run: e.seen[o.process].After(line), Probe: o.claimed, Drawn: s.drawn.Float64()}
		if line.Outcome == domain.OutcomeFailed {
			sight.Asked = pause(hung)
		}
		e.seen[o.process] = sight.Run
		next := e.health.Observe(line, sight, now)
		if next.Breaker.Open() {
			e.seen[o.process] = domain.Run{}
		}
		if next != e.health {
			e.health, s.writes = next, s.writes+3*s.stands
		}
	}
	if line.Outcome == domain.OutcomeDelivered {
		s.delivered += s.stands
		return
	}
	wait, again := s.service.wait(domain.SendPolicy{}, int(o.attempt), hung)
	if !again {
		s.exhausted += s.stands
		return
	}
	if wait > queue.MaxDelay {
		wait = wait.Truncate(time.Minute) + time.Minute // the sweep's
		s.writes += 2 * s.stands
	}
	s.requests += s.stands / 10
	m := o.simMessage
	m.attempt++
	due := second + int(wait.Seconds())
	s.later[due] = append(s.later[due], m)
	s.retries[due/60] += s.stands
}

// redeliver is redelivery's minute.
func (s *simulation) redeliver(second int) {
	var closed []int
	for i := range s.endpoints {
		e := &s.endpoints[i]
		if e.health.Breaker.Open() {
			e.before = 0
		}
		switch b := e.health.Breaker; {
		case len(e.parked) == 0:
		case !b.Open():
			closed = append(closed, i)
		case b.Due(simAt(second)):
			s.letGo(second, e, 1, 0)
		}
	}
	for _, i := range closed {
		e := &s.endpoints[i]
		most := domain.Released(e.before, int(float64(len(closed))*s.stands))
		if n := s.letGo(second, e, most, time.Minute/time.Duration(most)); n == most {
			e.before = n
		}
	}
}

func (s *simulation) letGo(second int, e *simEndpoint, most int, pace time.Duration) (n int) {
	n = min(most, len(e.parked))
	for i, m := range e.parked[:n] {
		m.slow = true
		at := second + 1 + int((time.Duration(i) * pace).Seconds())
		s.later[at] = append(s.later[at], m)
	}
	e.parked = e.parked[n:]
	s.writes += float64(n) * s.stands
	s.requests += float64(n) * s.stands / 10
	return n
}

func (s *simulation) measure(second int) {
	parked, open := 0, 0
	for i := range s.endpoints {
		parked += len(s.endpoints[i].parked)
		if s.endpoints[i].health.Breaker.Open() {
			open++
		}
	}
	if s.openedBy == 0 && open*10 >= simSample*9 {
		s.openedBy = second - simDies
	}
	s.parkedNow = float64(parked) * s.stands
	s.parkedMost = max(s.parkedMost, s.parkedNow)
	s.inFlightMost = max(s.inFlightMost, s.quick.inFlight, s.slow.inFlight)
	s.busyMost = max(s.busyMost, s.quick.busy)
	if age := oldest(s.quick, second); second >= simDies {
		s.oldestMost = max(s.oldestMost, age)
		if second >= simDies+5*60 {
			s.oldestAfterFive = max(s.oldestAfterFive, age)
			s.slowestAfterFive = max(s.slowestAfterFive, oldest(s.slow, second))
		}
	}
}

// oldest is the age of what has waited longest in the queue, in seconds.
func oldest(l simQueue, second int) int {
	for _, c := range l.cohorts {
		if c.well > 0 || len(c.messages) > 0 {
			return second - c.at
		}
	}
	return 0
}

// waiting is all that was accepted and is neither delivered nor given up.
func (s *simulation) waiting() float64 {
	n := 0.0
	for _, l := range []simQueue{s.quick, s.slow} {
		for _, c := range l.cohorts {
			n += c.well + float64(len(c.messages))*s.stands
		}
	}
	count := func(messages int) { n += float64(messages) * s.stands }
	for _, m := range s.later {
		count(len(m))
	}
	for _, o := range s.outcomes {
		count(len(o))
	}
	for _, e := range s.endpoints {
		count(len(e.parked))
	}
	return n
}

func (s *simulation) retriesMost() float64 {
	most := 0.0
	for minute, n := range s.retries {
		if minute < simEnd/60 {
			most = max(most, n)
		}
	}
	return most
}

// List prices of us-east-1 in dollars, as of 2026-11-24, as in localstack/bench.
func (s *simulation) dollars() float64 {
	const lambdaRequest, gigabyteSecond, sqsRequest, writeUnit, memory = 0.20e-6, 0.0000133334, 0.40e-6, 0.625e-6, 0.25
	return s.requests*sqsRequest + s.requests/3*lambdaRequest + s.slots*memory*gigabyteSecond + s.writes*writeUnit
}

func TestRule20_SimulationOfADayWithDeadEndpoints(t *testing.T) {
	t.Logf("%d deliveries a second to as many endpoints; the dead hang until the timeout of 5 s, for 24 h, and are "+
		"back for 12 h", simEndpoints)
	t.Logf("maximum concurrency: %d batches on the quick queue, %d on the slow", simQuickMost, simSlowMost)
	t.Logf("%5s %8s | %9s %8s | %6s %9s %8s %6s | %9s %11s | %10s %10s | %9s %5s",
		"dead", "breaker", "in flight", "batches", "open", "well wait", "after 5m", "slow", "hangs/s", "retries/min",
		"parked", "12 h later", "writes/s", "$/M")
	for _, c := range []struct {
		dead      float64
		protected bool
	}{{0.01, true}, {0.1, true}, {0.5, true}, {0.01, false}, {0.1, false}} {
		s := newSimulation(t, c.dead, c.protected)
		s.run()
		t.Logf("%4.0f%% %8v | %9.0f %8.0f | %4d s %7d s %6d s %4d s | %9.1f %11.0f | %10.0f %10.0f | %9.0f %5.2f",
			100*c.dead, c.protected, s.inFlightMost, s.busyMost, s.openedBy, s.oldestMost, s.oldestAfterFive,
			s.slowestAfterFive, s.attempts/simDead, s.retriesMost(),
			s.parkedMost, s.parkedNow, s.writes/simEnd, s.dollars()/(s.delivered)*1e6)
		if lost := s.accepted - s.delivered - s.exhausted - s.waiting(); lost > 1 || lost < -1 {
			t.Errorf("%.0f%%: %.0f are lost", 100*c.dead, lost)
		}
		if s.inFlightMost >= inFlightMost {
			t.Errorf("%.0f%%: %.0f in flight", 100*c.dead, s.inFlightMost)
		}
		if c.protected && s.oldestAfterFive > 0 {
			t.Errorf("%.0f%%: five minutes after the endpoints died the well ones' deliveries wait for %d s",
				100*c.dead, s.oldestAfterFive)
		}
		if c.protected && s.slowestAfterFive > 60 {
			t.Errorf("%.0f%%: on the slow queue they wait for %d s", 100*c.dead, s.slowestAfterFive)
		}
		if c.protected && s.exhausted > 0 {
			t.Errorf("%.0f%%: %.0f deliveries were given up, and all endpoints came back", 100*c.dead, s.exhausted)
		}
	}
}
