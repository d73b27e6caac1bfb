package session

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/fwdtools/fwd/pkg/wire"
)

func TestIdleWaitsForTheLastStream(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		require.NoError(t, client.Idle(context.Background()), "no stream was there")
		ours, theirs := streamPair(t, client, agent)
		peers, err := agent.Open(wire.KindTCP, "")
		require.NoError(t, err)
		idle := make(chan error, 1)
		go func() { idle <- client.Idle(context.Background()) }()
		time.Sleep(time.Second)
		ours.Reset(wire.Canceled, "")
		theirs.Close()
		time.Sleep(time.Second)
		assert.Empty(t, idle, "a stream of the peer's is there")
		peers.Reset(wire.Canceled, "")
		assert.NoError(t, <-idle)

		_, err = client.Open(wire.KindTCP, "")
		assert.NoError(t, err, "it is no Shutdown")
	})
}

func TestIdleEndsWithItsContextAndItsSession(t *testing.T) {
	inBubble(t, func(t *testing.T, client, agent *Session) {
		streamPair(t, client, agent)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		begin := time.Now()
		assert.ErrorIs(t, client.Idle(ctx), context.DeadlineExceeded)
		assert.Equal(t, time.Minute, time.Since(begin))
		assert.NoError(t, client.Err())

		time.AfterFunc(time.Second, func() { agent.CloseWithError(wire.InternalError, "the pod burns") })
		assert.ErrorContains(t, client.Idle(context.Background()), "the pod burns")
	})
}
