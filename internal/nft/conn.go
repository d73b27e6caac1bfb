//go:build linux

package nft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

const (
	// owner is the table flag that ties a table to the socket that made it.
	owner = 0x2
	// leftTime is how long the kernel may take to drop the table of a process
	// that has just ended.
	leftTime  = 2 * time.Second
	leftEvery = 10 * time.Millisecond
)

// conn is one netlink socket. The library makes chains and rules; the table is
// made here, because the library does not send a table's flags.
type conn struct {
	*nftables.Conn
	raw *netlink.Conn
}

func dial() (*conn, error) {
	c := &conn{}
	var err error
	c.Conn, err = nftables.New(nftables.AsLasting(), nftables.WithSockOptions(func(raw *netlink.Conn) error {
		c.raw = raw
		return nil
	}))
	if err != nil {
		return nil, err
	}
	return c, nil
}

func (c *conn) close() error { return c.CloseLasting() }

// create makes a table with flags, which the kernel drops with the socket if
// owner is among them and the kernel knows it, or else one without. Whoever had
// a table of this name is gone: the claim of the port is ours.
func (c *conn) create(table *nftables.Table, flags uint32) error {
	for end := time.Now().Add(leftTime); ; {
		err := c.add(table, flags)
		switch {
		case flags != 0 && (errors.Is(err, syscall.EOPNOTSUPP) || errors.Is(err, syscall.EINVAL)):
			flags = 0
			continue
		case errors.Is(err, syscall.EEXIST): // left by a process that did not own it
			c.DelTable(table)
			if err := c.Flush(); err != nil && !errors.Is(err, syscall.ENOENT) {
				return fmt.Errorf("delete the table %s that was left: %w", table.Name, err)
			}
		case errors.Is(err, fs.ErrPermission) && c.mayAsk(table): // a process that is just ending owned it
			time.Sleep(leftEvery)
		default:
			return explain(err)
		}
		if time.Now().After(end) {
			return fmt.Errorf("the table %s belongs to another process", table.Name)
		}
	}
}

// add adds a table with flags, in a transaction of its own: an empty table does
// nothing.
func (c *conn) add(table *nftables.Table, flags uint32) error {
	attrs, err := netlink.MarshalAttributes([]netlink.Attribute{
		{Type: unix.NFTA_TABLE_NAME, Data: append([]byte(table.Name), 0)},
		{Type: unix.NFTA_TABLE_FLAGS, Data: binary.BigEndian.AppendUint32(nil, flags)},
	})
	if err != nil {
		return err
	}
	message := func(kind uint16, flags netlink.HeaderFlags, family byte, subsystem uint16, attrs []byte) netlink.Message {
		return netlink.Message{
			Header: netlink.Header{Type: netlink.HeaderType(kind), Flags: netlink.Request | flags},
			Data:   append(binary.BigEndian.AppendUint16([]byte{family, unix.NFNETLINK_V0}, subsystem), attrs...),
		}
	}
	const newTable = unix.NFNL_SUBSYS_NFTABLES<<8 | unix.NFT_MSG_NEWTABLE
	_, err = c.raw.SendMessages([]netlink.Message{
		message(unix.NFNL_MSG_BATCH_BEGIN, 0, 0, unix.NFNL_SUBSYS_NFTABLES, nil),
		message(newTable, netlink.Acknowledge|netlink.Create|netlink.Excl, byte(table.Family), 0, attrs),
		message(unix.NFNL_MSG_BATCH_END, 0, 0, unix.NFNL_SUBSYS_NFTABLES, nil),
	})
	if err == nil {
		_, err = c.raw.Receive()
	}
	return err
}

// mayAsk tells whether this process may use nftables at all. The kernel refuses
// a table of somebody else's with the same EPERM as one without privilege.
func (c *conn) mayAsk(table *nftables.Table) bool {
	_, err := c.ListTableOfFamily(table.Name, table.Family)
	return !errors.Is(err, fs.ErrPermission)
}

// explain says what a kernel that answers with err lacks.
func explain(err error) error {
	for _, errno := range []syscall.Errno{syscall.EOPNOTSUPP, syscall.EINVAL, syscall.ENOENT, syscall.EPROTONOSUPPORT, syscall.EAFNOSUPPORT} {
		if errors.Is(err, errno) {
			return fmt.Errorf("this kernel lacks nftables with nat, redir and fib for inet (Linux 5.2): %w: %w", errors.ErrUnsupported, err)
		}
	}
	return err
}
