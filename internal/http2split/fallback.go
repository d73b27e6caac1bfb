package http2split

// fallBack gives the app a stream that the client could not get. No credit was
// given for its data, so the app's windows allow it.
func (s *split) fallBack(st *stream) {
	c := st.client
	s.divided--
	s.held -= st.up.bytes + st.size
	st.unpaid, st.size = 0, 0
	items := st.up.items
	c.out.drop(&st.up)
	st.client = nil
	st.down.window = unlimited
	s.numberForApp(st)
	for _, it := range items {
		if it.isData() {
			s.app.out.raw(appendData(nil, st.app, it.data, it.end)...)
			continue
		}
		fields, before := it.fields, it.priority
		if st.head != nil {
			fields, st.head = st.head, nil
		}
		if st.app != st.id {
			before = nil
		}
		var flags uint8
		if it.end {
			flags = flagEndStream
		}
		s.app.out.fields(typeHeaders, flags, st.app, before, fields)
	}
	s.app.out.windowUpdate(st.app, st.granted)
}
