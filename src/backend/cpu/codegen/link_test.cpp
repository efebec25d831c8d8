#include "backend/cpu/codegen/link.h"

#include "backend/cpu/codegen/test_library.h"

namespace tempera::cpu {
namespace {

using namespace kernel;  // NOLINT: kernels are written here

std::vector<Kernel> some_kernels(int count) {
  std::vector<Kernel> kernels;
  for (int i = 0; i < count; ++i) {
    const Buffer y = make_buffer("y", {DType::f32, 1}, Space::global, 64, true);
    kernels.push_back({fmt::format("fill_{}", i), {y}, grid("g", 4, [&](Expr g) {
                         return store(y, ramp(g * 16, 1, 16),
                                      call(Intrinsic::exp, {broadcast(f32(i), 16)}));
                       })});
  }
  return kernels;
}

std::vector<std::string> compile_all(const std::vector<Kernel>& kernels, const Target& target,
                                     int threads) {
  std::vector<Source> sources;
  for (const Kernel& k : kernels) sources.push_back({&k});
  const auto objects = compile_kernels(sources, target, threads);
  std::vector<std::string> bytes;
  for (const Object& o : *objects) bytes.push_back(o.bytes);
  return bytes;
}

TEST(Link, SameKernelsGiveTheSameBytesOnAnyThreads) {
  const std::vector<Kernel> kernels = some_kernels(6);
  for (const char* cpu : {"x86-64-v3", "aarch64:cortex-a76"}) {
    const Target target = *target_from_flag(cpu);
    const auto one = link_shared(compile_all(kernels, target, 1), target);
    const auto three = link_shared(compile_all(kernels, target, 3), target);
    EXPECT_EQ(*one, *three) << cpu;
    EXPECT_EQ(one->substr(1, 3), "ELF");
  }
}

TEST(Link, CodeObjectNamesWhatItNeeds) {
  const Target target = *target_from_flag("x86-64-v3");
  const auto code = make_code_object(compile_all(some_kernels(1), target, 1), target);
  ASSERT_TRUE(code.ok());
  EXPECT_EQ(code->required_features, *required_features(target));
  EXPECT_EQ(code->triple, "x86_64-unknown-linux-gnu");
}

TEST(Link, MissingTemporaryFolderIsAnError) {
  const char* before = getenv("TMPDIR");
  const std::string kept = before ? before : "";
  setenv("TMPDIR", "/nonexistent", 1);
  const auto linked = link_shared({}, host_target());
  before ? setenv("TMPDIR", kept.c_str(), 1) : unsetenv("TMPDIR");
  ASSERT_FALSE(linked.ok());
  EXPECT_EQ(linked.error().code, ErrorCode::unavailable);
}

TEST(CompileKernels, GivesTheFirstErrorByOrder) {
  const Expr zero = broadcast(constant({DType::f64, 1}, 0), 4);
  const Buffer y = make_buffer("y", {DType::f64, 1}, Space::global, 4, true);
  const Kernel bad{"bad", {y}, store(y, ramp(0, 1, 4), call(Intrinsic::exp, {zero}))};
  const std::vector<Kernel> good = some_kernels(1);
  const std::vector<Source> sources = {{&good[0]}, {&bad}};
  const auto objects = compile_kernels(sources, host_target(), 2);
  ASSERT_FALSE(objects.ok());
  EXPECT_NE(objects.error().message.find("kernel bad"), std::string::npos);
}

}  // namespace
}  // namespace tempera::cpu
