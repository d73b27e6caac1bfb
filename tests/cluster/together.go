package main

import (
	"context"
	"sync"
)

// together runs all functions at once and returns when all have. The first
// error cancels the context of the others and is the one returned.
func together(ctx context.Context, functions ...func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var group sync.WaitGroup
	for _, function := range functions {
		group.Go(func() {
			if err := function(ctx); err != nil {
				cancel(err) // keeps the first
			}
		})
	}
	group.Wait()
	return context.Cause(ctx)
}
