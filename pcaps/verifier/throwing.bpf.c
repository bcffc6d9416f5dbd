/* Ending a program from within its functions, and iterating over the bits of memory: who holds what at that time. */
#include "../programs/packet.h"

struct bpf_iter_bits {
	__u64 opaque[2];
} __attribute__((aligned(8)));

extern void bpf_throw(__u64 cookie) __ksym;
extern void bpf_rcu_read_lock(void) __ksym;
extern void bpf_rcu_read_unlock(void) __ksym;
extern int bpf_iter_bits_new(struct bpf_iter_bits *iterator, const __u64 *words, __u32 count) __ksym;
extern int *bpf_iter_bits_next(struct bpf_iter_bits *iterator) __ksym;
extern void bpf_iter_bits_destroy(struct bpf_iter_bits *iterator) __ksym;

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} ring SEC(".maps");

volatile int sink;

SEC("xdp")
int throws_sometimes(struct xdp_md *ctx)
{
	if (ctx->rx_queue_index == 3)
		bpf_throw(XDP_DROP);
	return XDP_PASS;
}

static __attribute__((noinline)) int checked(__u32 value)
{
	if (value == 3)
		bpf_throw(4);
	return value;
}

SEC("xdp")
int function_throws(struct xdp_md *ctx)
{
	return checked(ctx->rx_queue_index);
}

SEC("xdp")
int throws_with_reference(struct xdp_md *ctx)
{
	void *entry = bpf_ringbuf_reserve(&ring, 8, 0);

	if (!entry)
		return XDP_DROP;
	if (sink)
		bpf_throw(1);
	bpf_ringbuf_discard(entry, 0);
	return XDP_PASS;
}

SEC("xdp")
int function_throws_under_reference(struct xdp_md *ctx)
{
	void *entry = bpf_ringbuf_reserve(&ring, 8, 0);

	if (!entry)
		return XDP_DROP;
	sink = checked(ctx->rx_queue_index);
	bpf_ringbuf_discard(entry, 0);
	return XDP_PASS;
}

SEC("xdp")
int throws_in_rcu_section(struct xdp_md *ctx)
{
	bpf_rcu_read_lock();
	if (sink)
		bpf_throw(1);
	bpf_rcu_read_unlock();
	return XDP_PASS;
}

__attribute__((noinline)) int checked_by_itself(__u32 value)
{
	if (value == 3)
		bpf_throw(4);
	return value;
}

SEC("xdp")
int global_function_throws(struct xdp_md *ctx)
{
	return checked_by_itself(ctx->rx_queue_index);
}

static long throws_in_round(__u32 round, void *context)
{
	if (round == 2)
		bpf_throw(round);
	return 0;
}

SEC("xdp")
int callback_throws(struct xdp_md *ctx)
{
	bpf_loop(4, throws_in_round, 0, 0);
	return XDP_PASS;
}

static long calls_in_round(__u32 round, void *context)
{
	return checked(round) & 1;
}

SEC("xdp")
int function_of_callback_throws(struct xdp_md *ctx)
{
	bpf_loop(4, calls_in_round, 0, 0);
	return XDP_PASS;
}

SEC("xdp")
int throws_a_pointer(struct xdp_md *ctx)
{
	if (sink)
		bpf_throw((long)ctx);
	return XDP_PASS;
}

SEC("xdp")
int bits(struct xdp_md *ctx)
{
	struct bpf_iter_bits iterator;
	__u64 words[2] = {3, 4};
	int *bit, sum = 0;

	bpf_iter_bits_new(&iterator, words, 2);
	while ((bit = bpf_iter_bits_next(&iterator)))
		sum += *bit;
	bpf_iter_bits_destroy(&iterator);
	return sum;
}

SEC("xdp")
int bits_of_anything(struct xdp_md *ctx)
{
	struct bpf_iter_bits iterator;
	int *bit, sum = 0;

	bpf_iter_bits_new(&iterator, (void *)(long)ctx->data, ctx->rx_queue_index);
	while ((bit = bpf_iter_bits_next(&iterator)))
		sum += *bit;
	bpf_iter_bits_destroy(&iterator);
	return sum;
}

SEC("xdp")
int bits_not_ended(struct xdp_md *ctx)
{
	struct bpf_iter_bits iterator;
	__u64 word = 3;

	bpf_iter_bits_new(&iterator, &word, 1);
	return XDP_PASS;
}

SEC("xdp")
int bits_not_begun(struct xdp_md *ctx)
{
	struct bpf_iter_bits iterator;

	return bpf_iter_bits_next(&iterator) != 0;
}

SEC("xdp")
int iterator_is_read(struct xdp_md *ctx)
{
	struct bpf_iter_bits iterator;
	__u64 word = 3;

	bpf_iter_bits_new(&iterator, &word, 1);
	sink = *(volatile __u64 *)&iterator;
	bpf_iter_bits_destroy(&iterator);
	return XDP_PASS;
}

SEC("xdp")
int bit_is_written(struct xdp_md *ctx)
{
	struct bpf_iter_bits iterator;
	__u64 word = 3;
	int *bit;

	bpf_iter_bits_new(&iterator, &word, 1);
	bit = bpf_iter_bits_next(&iterator);
	if (bit)
		*bit = 1;
	bpf_iter_bits_destroy(&iterator);
	return XDP_PASS;
}

SEC("xdp")
int behind_a_bit(struct xdp_md *ctx)
{
	struct bpf_iter_bits iterator;
	__u64 word = 3;
	int *bit;

	bpf_iter_bits_new(&iterator, &word, 1);
	bit = bpf_iter_bits_next(&iterator);
	if (bit)
		sink = bit[1];
	bpf_iter_bits_destroy(&iterator);
	return XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
