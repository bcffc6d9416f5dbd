/*
 * BPF-to-BPF calls of both kinds: to a global function (checked by the verifier
 * by itself) and to static ones. A chain of five frames with stack in each of
 * them, and pointers into the stack of the caller.
 *
 * Drops packets whose payload hash is divisible by 8, passes the rest.
 */
#include "packet.h"

struct digest {
	__u32 hash;
	__u32 bytes;
	__u8 window[16];
};

__u64 calls[6];

/* static: writes into the caller's stack */
static __noinline void mix(struct digest *d, __u32 word)
{
	calls[0]++;
	d->hash = (d->hash ^ word) * 0x01000193;
	d->window[d->bytes & 15] = word >> 24;
	d->bytes += 4;
}

/* global: arguments are scalars and the context */
__noinline int digest_packet(struct xdp_md *ctx, __u32 seed)
{
	void *data = (void *)(long)ctx->data;
	void *end = (void *)(long)ctx->data_end;
	struct digest d = { .hash = seed };

	calls[1]++;
	for (int i = 0; i < 16; i++) {
		__u32 *word = data + 14 + i * 4;
		if ((void *)(word + 1) > end)
			break;
		mix(&d, *word);
	}
	return d.hash ^ d.window[15];
}

/* below verdict, one frame each: they keep bytes on their own stacks across the call */
static __noinline __u64 depth5(__u64 x)
{
	calls[5]++;
	return x * 5 + 1;
}

static __noinline __u64 depth4(__u64 x)
{
	volatile __u64 mine = x ^ 4;

	calls[4]++;
	return depth5(x + 4) + mine;
}

static __noinline __u64 depth3(__u64 x)
{
	volatile __u64 mine = x ^ 3;

	calls[3]++;
	return depth4(x + 3) + mine;
}

__u64 last_depth;

static __noinline int verdict(__u32 hash)
{
	calls[2]++;
	last_depth = depth3(hash);
	return hash % 8 ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int calls_main(struct xdp_md *ctx)
{
	return verdict(digest_packet(ctx, 0x811c9dc5));
}

char LICENSE[] SEC("license") = "GPL";
