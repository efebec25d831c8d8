#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>

#include "backend/cpu/codegen/compile.h"
#include "backend/cpu/codegen/host.h"
#include "backend/cpu/codegen/link.h"
#include "base/file.h"
#include "kernel/interpret.h"
#include "test/temp_folder.h"

namespace tempera::cpu {
namespace {

using namespace kernel;  // NOLINT: kernels are written here

Buffer buffer(std::string name, DType dtype, int64_t size, bool written = false) {
  return make_buffer(std::move(name), {dtype, 1}, Space::global, size, written);
}

std::vector<std::byte> some_floats(int64_t count) {
  std::vector<std::byte> bytes(static_cast<size_t>(count) * 4);
  for (int64_t i = 0; i < count; ++i) {
    const float value = 0.37f * static_cast<float>((i * 29) % 41) - 7.1f;
    std::memcpy(&bytes[static_cast<size_t>(i) * 4], &value, 4);
  }
  return bytes;
}

// Every parameter holds 32-bit elements. Runs the kernel under qemu-user for a cortex-a76 and
// expects the interpreter's bytes.
void expect_as_interpreted(const Kernel& kernel) {
#ifndef AARCH64_RUNNER
  std::printf("[SKIP] no aarch64-linux-gnu-g++ or no qemu-aarch64\n");
  GTEST_SKIP();
#else
  const Target target = *target_from_flag("aarch64:cortex-a76");
  const auto object = compile_kernel({&kernel}, target);
  ASSERT_TRUE(object.ok()) << object.error().message;
  const auto library = link_shared({{object->bytes}}, target);
  ASSERT_TRUE(library.ok()) << library.error().message;

  const test::TempFolder folder;
  ASSERT_TRUE(write_file(folder.path("kernels.so"), *library).ok());
  std::string command = fmt::format("{} {} {} 0 {}", AARCH64_RUNNER, folder.path("kernels.so"),
                                    kernel.name, grid_extent(kernel));
  std::vector<std::vector<std::byte> > expected;
  for (const Buffer& b : kernel.parameters) {
    expected.push_back(some_floats(b->size));
    const auto* text = reinterpret_cast<const char*>(expected.back().data());
    ASSERT_TRUE(write_file(folder.path(b->name), {text, expected.back().size()}).ok());
    command += fmt::format(" {}", folder.path(b->name));
  }
  ASSERT_EQ(std::system(command.c_str()), 0) << command;

  std::vector<std::span<std::byte> > spans(expected.begin(), expected.end());
  ASSERT_TRUE(interpret(kernel, spans).ok());
  for (size_t i = 0; i < expected.size(); ++i) {
    const std::string ours = *read_file(folder.path(kernel.parameters[i]->name));
    ASSERT_EQ(ours.size(), expected[i].size());
    EXPECT_EQ(std::memcmp(ours.data(), expected[i].data(), ours.size()), 0)
        << kernel.parameters[i]->name;
  }
#endif
}

TEST(Aarch64, RegisterTiledProduct) {
  const Buffer a = buffer("a", DType::f32, 8 * 19), b = buffer("b", DType::f32, 19 * 12);
  const Buffer c = buffer("c", DType::f32, 8 * 12, true);
  const Buffer sums = make_buffer("sums", {DType::f32, 4}, Space::registers, 12);
  const auto each = [](const std::function<Stmt(Expr, Expr)>& body) {
    return unrolled("i", 4,
                    [&](Expr i) { return unrolled("j", 3, [&](Expr j) { return body(i, j); }); });
  };
  expect_as_interpreted(
      {"product", {a, b, c}, grid("m", 2, [&](Expr m) {
         return allocate(
             sums,
             block({
                 each([&](Expr i, Expr j) { return store(sums, i * 3 + j, broadcast(f32(0), 4)); }),
                 serial("k", 19,
                        [&](Expr k) {
                          return each([&](Expr i, Expr j) {
                            const Expr left = broadcast(load(a, (m * 4 + i) * 19 + k), 4);
                            const Expr right = load(b, ramp(k * 12 + j * 4, 1, 4));
                            return store(sums, i * 3 + j, fma(left, right, load(sums, i * 3 + j)));
                          });
                        }),
                 each([&](Expr i, Expr j) {
                   return store(c, ramp((m * 4 + i) * 12 + j * 4, 1, 4), load(sums, i * 3 + j));
                 }),
             }));
       })});
}

TEST(Aarch64, MasksStridesAndHalves) {
  const Buffer x = buffer("x", DType::f32, 64), y = buffer("y", DType::f32, 64, true);
  const Expr even = load(x, ramp(0, 2, 16));
  const Expr half = cast(DType::f16, even);
  const Expr brain = cast(DType::bf16, even);
  const Expr some = ramp(0, 1, 16) < Expr(11);
  expect_as_interpreted({"memory",
                         {x, y},
                         block({
                             store(y, ramp(0, 1, 16), cast(DType::f32, half * half)),
                             store(y, ramp(16, 1, 16), cast(DType::f32, brain + brain)),
                             store(y, ramp(32, 1, 16), load(x, ramp(3, 1, 16), some), some),
                             store(y, 63, call(Intrinsic::reduce_add, {even})),
                         })});
}

TEST(Aarch64, LanesMeetAtBarriers) {
  const Buffer x = buffer("x", DType::f32, 32), y = buffer("y", DType::f32, 32, true);
  const Buffer shared = make_buffer("shared", {DType::f32, 1}, Space::workgroup, 8);
  expect_as_interpreted({"swap", {x, y}, grid("g", 4, [&](Expr g) {
                           return allocate(
                               shared, for_each(LoopKind::lane, "a", 0, 8, [&](Expr a) {
                                 return block({store(shared, a, load(x, g * 8 + a)), barrier(),
                                               store(y, g * 8 + a, load(shared, 7 - a))});
                               }));
                         })});
}

}  // namespace
}  // namespace tempera::cpu
