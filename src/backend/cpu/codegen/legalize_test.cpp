#include "backend/cpu/codegen/legalize.h"

#include <gtest/gtest.h>

#include "backend/cpu/codegen/host.h"
#include "kernel/mutate.h"

namespace tempera::cpu {
namespace {

using namespace kernel;  // NOLINT: kernels are written here

Buffer global(std::string name, DType dtype, int64_t size, bool written = false) {
  return make_buffer(std::move(name), {dtype, 1}, Space::global, size, written);
}

Kernel one_store(Intrinsic intrinsic, std::vector<Expr> args, DType dtype, int64_t lanes) {
  const Buffer y = global("y", dtype, lanes, true);
  return {"one", {y}, store(y, ramp(0, 1, int(lanes)), call(intrinsic, std::move(args)))};
}

TEST(Check, RefusesDotProductsThatTheTargetLacks) {
  const Expr c = broadcast(f32(0), 16), a = broadcast(constant({DType::bf16, 1}, 1), 32);
  const Kernel kernel = one_store(Intrinsic::bf16_dot, {c, a, a}, DType::f32, 16);
  const Status status = check(kernel, *target_from_flag("x86-64-v3"));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, ErrorCode::unsupported);
  EXPECT_NE(status.error().message.find("bf16_dot"), std::string::npos) << status.error().message;
  EXPECT_TRUE(check(kernel, *target_from_flag("cooperlake")).ok());
}

TEST(Check, RefusesGridsWithoutConstantExtent) {
  const Buffer y = global("y", DType::f32, 64, true);
  const Kernel kernel{"triangle", {y}, grid("i", 8, [&](Expr i) {
                        return grid("j", i + 1,
                                    [&](Expr j) { return store(y, i * 8 + j, f32(1)); });
                      })};
  const Status status = check(kernel, *target_from_flag("x86-64-v3"));
  ASSERT_FALSE(status.ok());
  EXPECT_NE(status.error().message.find("loop j"), std::string::npos) << status.error().message;
}

TEST(SerializeLanes, LeavesNoLaneLoopAndNoBarrier) {
  const Buffer y = global("y", DType::f32, 8, true);
  const Buffer shared = make_buffer("shared", {DType::f32, 1}, Space::workgroup, 8);
  const Kernel kernel{
      "swap", {y}, allocate(shared, for_each(LoopKind::lane, "a", 0, 8, [&](Expr a) {
                              return block({store(shared, a, load(y, a)), barrier(),
                                            store(y, a, load(shared, 7 - a))});
                            }))};
  for_each_stmt(serialize_lanes(kernel).body, [](const Stmt& s) {
    EXPECT_NE(s->kind, StmtKind::barrier);
    EXPECT_FALSE(s->kind == StmtKind::loop && s->loop_kind == LoopKind::lane);
  });
  EXPECT_EQ(scratch_bytes(kernel), 64);
}

TEST(ScratchBytes, CountsWhatLanesKeepAcrossBarriers) {
  const Buffer y = global("y", DType::f32, 32, true);
  const Buffer own = make_buffer("own", {DType::f32, 1}, Space::registers, 3);
  const auto kernel = [&](bool meet) {
    return Kernel{"keep", {y}, for_each(LoopKind::lane, "a", 0, 32, [&](Expr a) {
                    return allocate(own,
                                    block({store(own, 2, load(y, a)), meet ? barrier() : block({}),
                                           store(y, a, load(own, 2))}));
                  })};
  };
  EXPECT_EQ(scratch_bytes(kernel(false)), 0);
  EXPECT_EQ(scratch_bytes(kernel(true)), 32 * 3 * 4);
}

TEST(ScratchBytes, BuffersOfDifferentTimesShareTheirPlace) {
  const Buffer y = global("y", DType::f32, 32, true);
  const auto use = [&](int64_t size) {
    const Buffer b = make_buffer("b", {DType::f32, 1}, Space::workgroup, size);
    return allocate(b, block({store(b, 0, load(y, 0)), store(y, 0, load(b, 0))}));
  };
  EXPECT_EQ(scratch_bytes({"two", {y}, block({use(16), use(100)})}), 448);
}

TEST(WidenHalves, KeepsF16WhereTheTargetComputesIt) {
  const Buffer y = global("y", DType::f16, 16, true);
  const Expr v = load(y, ramp(0, 1, 16));
  const Kernel kernel{"add", {y}, store(y, ramp(0, 1, 16), v + v)};
  EXPECT_EQ(widen_halves(kernel, *target_from_flag("aarch64:cortex-a76")).body, kernel.body);
  const Kernel wide = widen_halves(kernel, *target_from_flag("x86-64-v3"));
  EXPECT_EQ(wide.body->value->kind, ExprKind::cast);
  EXPECT_EQ(wide.body->value->args[0]->type.dtype, DType::f32);
}

}  // namespace
}  // namespace tempera::cpu
