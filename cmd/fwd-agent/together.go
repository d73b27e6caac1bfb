package main

import (
	"context"
	"errors"
	"sync"
)

var errEnded = errors.New("ended")

// together runs all at once and returns when all have: the first that ends
// ends the others, and its error is the error. The end of parent is none.
func together(parent context.Context, all ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(parent)
	defer cancel(nil)
	var wg sync.WaitGroup
	for _, run := range all {
		wg.Go(func() {
			err := run(ctx)
			if err == nil {
				err = errEnded
			}
			cancel(err)
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); parent.Err() == nil && err != errEnded {
		return err
	}
	return nil
}
