package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestTogether(t *testing.T) {
	wait := func(ctx context.Context) error { <-ctx.Done(); return nil }
	failed := errors.New("failed")
	fail := func(context.Context) error { return failed }
	end := func(context.Context) error { return nil }

	assert.Equal(t, failed, together(context.Background(), wait, fail, wait), "the first that fails ends all")
	assert.NoError(t, together(context.Background(), wait, end), "so does the first that ends")
	assert.Equal(t, failed, together(context.Background(), fail, func(ctx context.Context) error {
		<-ctx.Done()
		return errors.New("because of the other")
	}), "it is the first error that counts")

	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(errors.New("a signal"))
	assert.NoError(t, together(ctx, wait, wait), "to be interrupted is no failure")
}
