package deliver

import (
	"fmt"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/fwdtools/fwd/pkg/wire"
)

// complaint is a reason that is said once, until it is another one or things
// work again. The zero value has said nothing.
type complaint struct {
	mu   sync.Mutex
	last string // guarded by mu
}

// news tells that reason was not the last one.
func (c *complaint) news(reason string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	old := c.last
	c.last = reason
	return reason != old
}

// over is that things work.
func (c *complaint) over() { c.news("") }

// lossesEvery is how often losses are said, at most.
const lossesEvery = 10 * time.Second

// losses are copies of connections that broke off. There may be thousands in a
// second: one is said with its reason from time to time, and how many there
// were.
type losses struct {
	mu     sync.Mutex
	why    time.Time // guarded by mu; when a reason was said
	number time.Time // guarded by mu; when a number was
	said   wire.Note // guarded by mu
	last   wire.Note // guarded by mu
}

// add says why one copy broke off, if none was said lately.
func (l *losses) add(log zerolog.Logger, what fmt.Stringer, caller string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.why) >= lossesEvery {
		l.why = time.Now()
		log.Warn().Msgf("%v: copy of a connection from %s broke off: %v", what, caller, err)
	}
}

// count takes the agent's numbers, and says them if there are losses.
func (l *losses) count(log zerolog.Logger, what fmt.Stringer, n wire.Note) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if n.Warning != "" {
		return
	}
	l.last = n
	if time.Since(l.number) >= lossesEvery {
		l.say(log, what)
	} else {
		log.Debug().Msgf("%v: %s", what, numbers(n))
	}
}

// rest says the last numbers.
func (l *losses) rest(log zerolog.Logger, what fmt.Stringer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.say(log, what)
}

// say says the last numbers if there are new losses. Called with mu held.
func (l *losses) say(log zerolog.Logger, what fmt.Stringer) {
	if l.last.Lost == l.said.Lost && l.last.Dropped == l.said.Dropped {
		return
	}
	l.said, l.number = l.last, time.Now()
	log.Warn().Msgf("%v: %s", what, numbers(l.last))
}

func numbers(n wire.Note) string {
	return fmt.Sprintf("%d connections, the copies of %d lost; %d packets dropped", n.Connections, n.Lost, n.Dropped)
}
