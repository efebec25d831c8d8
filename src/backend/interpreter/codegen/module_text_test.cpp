#include "backend/interpreter/codegen/module_text.h"

#include <gtest/gtest.h>

#include "kernel/parse.h"

namespace tempera::interpreter {
namespace {

constexpr const char* kCopy = R"(kernel copy(a: f32[4] global, c: f32[4] global mut) {
  grid i in 0..4 {
    c[i] = a[i]
  }
}
)";
constexpr const char* kOne = R"(kernel one(c: f32[1] global mut) {
  c[0] = 1.0
}
)";

TEST(ModuleText, HoldsTheKernelsInOrder) {
  const std::vector<kernel::Kernel> kernels = {*kernel::parse_kernel(kCopy),
                                               *kernel::parse_kernel(kOne)};
  EXPECT_EQ(module_text(kernels), std::string(kCopy) + kOne);
  EXPECT_EQ(module_text({}), "");
}

TEST(ModuleText, RefusesTwoKernelsOfOneName) {
  const std::vector<kernel::Kernel> kernels(2, *kernel::parse_kernel(kOne));
  EXPECT_THROW(module_text(kernels), InternalError);
}

}  // namespace
}  // namespace tempera::interpreter
