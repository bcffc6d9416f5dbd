/*
 * Everything that a program can do to a packet in several buffers. The packet
 * says what: eight steps behind its Ethernet header. What each of them gave
 * stands in the map.
 */
#include "../packet.h"

enum { STEPS = 8, PIECE = 256 };

enum op { OP_LENGTH, OP_TAIL, OP_LOAD, OP_STORE, OP_HEAD, OP_LINEAR, OP_COUNT };

struct step {
	__u32 op;
	__u32 offset;
	__s32 by;
	__u32 size;
};

struct result {
	__s64 value;
	__u8 bytes[PIECE];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct result);
	__uint(max_entries, STEPS);
} results SEC(".maps");

SEC("xdp.frags")
int multi_buffer(struct xdp_md *ctx)
{
	struct step steps[STEPS];

	if (bpf_xdp_load_bytes(ctx, 14, steps, sizeof(steps)))
		return XDP_DROP;
	for (__u32 i = 0; i < STEPS; i++) {
		struct step *step = &steps[i];
		struct result *result;
		__u32 key = i;
		__u32 size = step->size % PIECE + 1;

		result = bpf_map_lookup_elem(&results, &key);
		if (!result)
			return XDP_DROP;
		switch (step->op % OP_COUNT) {
		case OP_LENGTH:
			result->value = bpf_xdp_get_buff_len(ctx);
			break;
		case OP_TAIL:
			result->value = bpf_xdp_adjust_tail(ctx, step->by);
			break;
		case OP_LOAD:
			result->value = bpf_xdp_load_bytes(ctx, step->offset, result->bytes, size);
			break;
		case OP_STORE:
			result->bytes[0] += 7;
			result->value = bpf_xdp_store_bytes(ctx, step->offset, result->bytes, size);
			break;
		case OP_HEAD:
			result->value = bpf_xdp_adjust_head(ctx, step->by);
			break;
		case OP_LINEAR:
			result->value = ctx->data_end - ctx->data;
			break;
		}
	}
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
