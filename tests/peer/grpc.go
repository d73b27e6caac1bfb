package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
)

// grpcServe serves gRPC's own test service: answers carry the server's name as
// their payload, and as the trailer served-by.
func grpcServe(flags *flag.FlagSet) func(context.Context) error {
	port := flags.Int("port", 50051, "TCP `port` to listen on")
	name := flags.String("name", "pod", "what the server calls itself")
	return func(ctx context.Context) error {
		ln, err := net.Listen("tcp", fmt.Sprintf(":%d", *port))
		if err != nil {
			return err
		}
		fmt.Fprintln(os.Stderr, "peer: listening on", ln.Addr())
		server := grpc.NewServer()
		pb.RegisterTestServiceServer(server, &testService{name: *name})
		context.AfterFunc(ctx, server.Stop)
		return server.Serve(ln)
	}
}

type testService struct {
	pb.UnimplementedTestServiceServer
	name string
}

func (s *testService) UnaryCall(ctx context.Context, r *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	if err := grpc.SetTrailer(ctx, metadata.Pairs("served-by", s.name)); err != nil {
		return nil, err
	}
	if c := r.GetResponseStatus(); c != nil {
		return nil, status.Error(codes.Code(c.Code), c.Message)
	}
	return &pb.SimpleResponse{Payload: s.payload(r.GetPayload().GetBody())}, nil
}

func (s *testService) FullDuplexCall(stream pb.TestService_FullDuplexCallServer) error {
	stream.SetTrailer(metadata.Pairs("served-by", s.name))
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		err = stream.Send(&pb.StreamingOutputCallResponse{Payload: s.payload(r.GetPayload().GetBody())})
		if err != nil {
			return err
		}
	}
}

func (s *testService) payload(said []byte) *pb.Payload {
	return &pb.Payload{Body: append([]byte(s.name+": "), said...)}
}

// grpcCall makes, on one connection, a call, a failing call and a stream of
// three messages in each direction, and prints answers, trailers and the
// status. With -then it does so again with other metadata.
func grpcCall(flags *flag.FlagSet) func(context.Context) error {
	addr := flags.String("addr", "localhost:50051", "`address` to connect to")
	fields := header{}
	flags.Var(fields, "header", "`name: value` to send; may be repeated")
	then := header{}
	flags.Var(then, "then", "`name: value` to send in a second round")
	return func(ctx context.Context) error {
		conn, err := grpc.NewClient(*addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			return err
		}
		defer conn.Close()
		client := pb.NewTestServiceClient(conn)
		if err := round(ctx, client, fields); err != nil || len(then) == 0 {
			return err
		}
		return round(ctx, client, then)
	}
}

func round(ctx context.Context, client pb.TestServiceClient, fields header) error {
	for name, values := range http.Header(fields) {
		for _, value := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, strings.ToLower(name), value)
		}
	}
	var trailer metadata.MD
	r, err := client.UnaryCall(ctx, &pb.SimpleRequest{Payload: &pb.Payload{Body: []byte("one")}}, grpc.Trailer(&trailer))
	if err != nil {
		return err
	}
	fmt.Printf("call %s trailer=%v\n", r.GetPayload().GetBody(), trailer["served-by"])

	_, err = client.UnaryCall(ctx, &pb.SimpleRequest{ResponseStatus: &pb.EchoStatus{Code: int32(codes.DataLoss), Message: "as asked"}}, grpc.Trailer(&trailer))
	fmt.Printf("fail %v trailer=%v\n", err, trailer["served-by"])

	stream, err := client.FullDuplexCall(ctx)
	if err != nil {
		return err
	}
	for i := range 3 {
		err := stream.Send(&pb.StreamingOutputCallRequest{Payload: &pb.Payload{Body: fmt.Append(nil, i)}})
		if err != nil {
			return err
		}
		r, err := stream.Recv()
		if err != nil {
			return err
		}
		fmt.Printf("stream %s\n", r.GetPayload().GetBody())
	}
	if err := stream.CloseSend(); err != nil {
		return err
	}
	if _, err := stream.Recv(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("want the end of the stream: %w", err)
	}
	fmt.Printf("end trailer=%v\n", stream.Trailer()["served-by"])
	return nil
}
