/*
 * Slices of packets in several buffers: bytes that lie in one buffer are
 * changed in place, those that lie in two through a copy. The first bytes are
 * pulled into the linear part where a packet is long.
 */
#include "kfuncs.h"

#define STEP 1000

extern int bpf_xdp_pull_data(struct xdp_md *xdp, __u32 length) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} counts SEC(".maps");

static void count(__u32 what)
{
	__u64 *value = bpf_map_lookup_elem(&counts, &what);

	if (value)
		__sync_fetch_and_add(value, 1);
}

SEC("xdp.frags")
int slices(struct xdp_md *ctx)
{
	struct bpf_dynptr packet;
	struct bpf_iter_num it;
	__u8 buffer[64];
	__u8 *bytes;
	int *i;

	if (bpf_dynptr_from_xdp(ctx, 0, &packet))
		return XDP_ABORTED;
	bpf_iter_num_new(&it, 0, 10);
	while ((i = bpf_iter_num_next(&it))) {
		__u32 offset = *i * STEP;

		bytes = bpf_dynptr_slice_rdwr(&packet, offset, buffer, sizeof(buffer));
		if (!bytes) {
			count(0);
			break;
		}
		bytes[7] += 1;
		bytes[63] ^= 0x55;
		if (bytes == buffer) {
			count(1);
			bpf_dynptr_write(&packet, offset, buffer, sizeof(buffer), 0);
		} else {
			count(2);
		}
	}
	bpf_iter_num_destroy(&it);
	if (!bpf_xdp_pull_data(ctx, 3600))
		count(3);
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
