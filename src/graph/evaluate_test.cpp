#include "graph/evaluate.h"

#include <gtest/gtest.h>

#include <chrono>
#include <set>

#include "graph/testing.h"

namespace tempera::graph {
namespace {

struct Case {
  std::string op;
  std::vector<std::string> operands;  // literals
  std::string attributes;
  std::string want;  // the results' texts, joined by " | "
};

std::string evaluated(const Case& c) {
  std::string lines, arguments, results;
  for (size_t i = 0; i < c.operands.size(); ++i) {
    lines += fmt::format("%{} = literal {}\n", i, c.operands[i]);
    arguments += fmt::format("{}%{}", i ? ", " : "", i);
  }
  size_t wanted = 1;
  for (char sign : c.want) wanted += sign == '|';
  for (size_t i = 0; i < wanted; ++i) results += fmt::format("{}%r{}", i ? ", " : "", i);
  lines += fmt::format("{} = {}({}) {}\n", results, c.op, arguments, c.attributes);
  for (size_t i = 0; i < wanted; ++i) lines += fmt::format("output \"{}\" %r{}\n", i, i);
  std::string text;
  for (const Tensor& tensor : evaluate(testing::graph_of(lines), {}))
    text += (text.empty() ? "" : " | ") + testing::tensor_text(tensor);
  return text;
}

const std::vector<Case>& cases() {
  static const std::vector<Case> all{
      {"add", {"f32[2] {1, 2}", "f32[2,1] {10, 20}"}, "", "f32[2,2] {11, 12, 21, 22}"},
      {"add", {"u8[2] {250, 1}", "u8[] {10}"}, "", "u8[2] {4, 11}"},
      {"sub", {"i8[2] {-128, 5}", "i8[] {1}"}, "", "i8[2] {127, 4}"},
      {"mul", {"f16[2] {0.1, 3}", "f16[] {3}"}, "", "f16[2] {0.2998047, 9}"},
      {"mul", {"i64[1] {4611686018427387904}", "i64[] {2}"}, "", "i64[1] {-9223372036854775808}"},
      {"div", {"f32[2] {1, -1}", "f32[] {0}"}, "", "f32[2] {inf, -inf}"},
      {"div",
       {"i32[4] {7, -7, 5, -2147483648}", "i32[4] {2, 2, 0, -1}"},
       "",
       "i32[4] {3, -3, 0, -2147483648}"},
      {"mod", {"i32[4] {7, -7, 7, -7}", "i32[4] {3, 3, -3, -3}"}, "", "i32[4] {1, 2, -2, -1}"},
      {"mod", {"f32[2] {-7, 7}", "f32[2] {3, -3}"}, "{fmod=1}", "f32[2] {-1, 1}"},
      {"mod", {"f32[2] {-7, 7}", "f32[2] {3, -3}"}, "", "f32[2] {2, -2}"},
      {"pow", {"f32[2] {2, 9}", "f32[2] {10, 0.5}"}, "", "f32[2] {1024, 3}"},
      {"pow", {"i32[3] {3, 2, -1}", "i32[3] {4, -1, -3}"}, "", "i32[3] {81, 0, -1}"},
      {"minimum", {"f32[3] {1, nan, 2}", "f32[3] {2, 1, nan}"}, "", "f32[3] {1, nan, nan}"},
      {"maximum", {"f32[3] {1, nan, 2}", "f32[3] {2, 1, nan}"}, "", "f32[3] {2, nan, nan}"},
      {"neg", {"i8[2] {-128, 3}"}, "", "i8[2] {-128, -3}"},
      {"abs", {"f32[2] {-1.5, 2}"}, "", "f32[2] {1.5, 2}"},
      {"sqrt", {"f32[2] {4, -1}"}, "", "f32[2] {2, nan}"},
      {"rsqrt", {"f32[2] {4, 0}"}, "", "f32[2] {0.5, inf}"},
      {"reciprocal", {"f32[2] {4, -0}"}, "", "f32[2] {0.25, -inf}"},
      {"exp", {"f32[3] {0, 1, 1000}"}, "", "f32[3] {1, 2.7182817, inf}"},
      {"log", {"f32[3] {1, 0, -1}"}, "", "f32[3] {0, -inf, nan}"},
      {"sin", {"f64[1] {0.5}"}, "", "f64[1] {0.479425538604203}"},
      {"cos", {"f64[1] {0.5}"}, "", "f64[1] {0.8775825618903728}"},
      {"tanh", {"f32[2] {0.5, 100}"}, "", "f32[2] {0.46211717, 1}"},
      {"erf", {"f32[1] {0.5}"}, "", "f32[1] {0.5204999}"},
      {"floor", {"f32[2] {1.5, -1.5}"}, "", "f32[2] {1, -2}"},
      {"ceil", {"f32[2] {1.5, -1.5}"}, "", "f32[2] {2, -1}"},
      {"round", {"f32[4] {0.5, 1.5, 2.5, -0.6}"}, "", "f32[4] {0, 2, 2, -1}"},
      {"sign", {"f32[4] {-3, 0, 2, nan}"}, "", "f32[4] {-1, 0, 1, nan}"},
      {"relu", {"f32[3] {-1, 2, nan}"}, "", "f32[3] {0, 2, nan}"},
      {"sigmoid", {"f32[2] {0, 1}"}, "", "f32[2] {0.5, 0.7310586}"},
      {"silu", {"f32[3] {0, 1, -100}"}, "", "f32[3] {0, 0.7310586, -3.72e-42}"},
      {"gelu", {"f32[2] {1, -1}"}, "", "f32[2] {0.8413448, -0.15865526}"},
      {"gelu", {"f32[2] {1, -1}"}, "{tanh=1}", "f32[2] {0.841192, -0.15880801}"},
      {"quick_gelu", {"f32[1] {1}"}, "", "f32[1] {0.84579575}"},
      {"equal", {"f32[3] {1, 2, nan}", "f32[3] {1, 3, nan}"}, "", "bool[3] {1, 0, 0}"},
      {"less", {"i32[3] {1, 2, 3}", "i32[] {2}"}, "", "bool[3] {1, 0, 0}"},
      {"less_or_equal", {"i32[3] {1, 2, 3}", "i32[] {2}"}, "", "bool[3] {1, 1, 0}"},
      {"logical_and", {"bool[2] {1, 0}", "bool[] {1}"}, "", "bool[2] {1, 0}"},
      {"logical_or", {"bool[2] {1, 0}", "bool[2] {0, 0}"}, "", "bool[2] {1, 0}"},
      {"logical_not", {"bool[2] {1, 0}"}, "", "bool[2] {0, 1}"},
      {"where", {"bool[2] {1, 0}", "f32[2,1] {1, 2}", "f32[] {9}"}, "", "f32[2,2] {1, 9, 2, 9}"},
      {"cast", {"f32[4] {300, -1, 2.9, nan}"}, "{to=u8}", "u8[4] {255, 0, 2, 0}"},
      {"cast", {"i32[2] {300, -1}"}, "{to=u8}", "u8[2] {44, 255}"},
      {"cast",
       {"f32[2] {1e20, -1e20}"},
       "{to=i64}",
       "i64[2] {9223372036854775807, -9223372036854775808}"},
      {"cast", {"f32[3] {0, 0.5, nan}"}, "{to=bool}", "bool[3] {0, 1, 1}"},
      {"cast", {"f32[2] {0.1, 1e9}"}, "{to=f16}", "f16[2] {0.099975586, inf}"},
      {"cast", {"i64[2] {16777217, 3}"}, "{to=f32}", "f32[2] {16777216, 3}"},
      {"reshape", {"i32[2,3] {1, 2, 3, 4, 5, 6}"}, "{shape=[3,-1]}", "i32[3,2] {1, 2, 3, 4, 5, 6}"},
      {"transpose", {"i32[2,3] {1, 2, 3, 4, 5, 6}"}, "{perm=[1,0]}", "i32[3,2] {1, 4, 2, 5, 3, 6}"},
      {"broadcast_to",
       {"i32[2,1] {1, 2}"},
       "{shape=[2,2,3]}",
       "i32[2,2,3] {1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2}"},
      {"slice",
       {"i32[5] {0, 1, 2, 3, 4}"},
       "{ends=[-9], starts=[-1], steps=[-2]}",
       "i32[3] {4, 2, 0}"},
      {"slice",
       {"i32[2,3] {1, 2, 3, 4, 5, 6}"},
       "{axes=[1], ends=[9], starts=[1]}",
       "i32[2,2] {2, 3, 5, 6}"},
      {"concat",
       {"i32[2,1] {1, 2}", "i32[2,2] {3, 4, 5, 6}"},
       "{axis=-1}",
       "i32[2,3] {1, 3, 4, 2, 5, 6}"},
      {"split",
       {"i32[2,3] {1, 2, 3, 4, 5, 6}"},
       "{axis=1, sizes=[1,2]}",
       "i32[2,1] {1, 4} | i32[2,2] {2, 3, 5, 6}"},
      {"pad", {"i32[1,2] {1, 2}"}, "{pads=[0,1,1,0], value=7}", "i32[2,3] {7, 1, 2, 7, 7, 7}"},
      {"upsample_nearest",
       {"i32[2,2] {1, 2, 3, 4}"},
       "{size=[3,4]}",
       "i32[3,4] {1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4}"},
      {"gather", {"i32[3,2] {1, 2, 3, 4, 5, 6}", "i64[2] {-1, 0}"}, "", "i32[2,2] {5, 6, 1, 2}"},
      {"gather",
       {"i32[2,3] {1, 2, 3, 4, 5, 6}", "i32[1,2] {2, 2}"},
       "{axis=1}",
       "i32[2,1,2] {3, 3, 6, 6}"},
      {"matmul", {"f32[2,2] {1, 2, 3, 4}", "f32[2,1] {5, 6}"}, "", "f32[2,1] {17, 39}"},
      {"matmul", {"i8[2] {100, 2}", "i8[2,1] {2, 3}"}, "", "i8[1] {-50}"},
      {"matmul", {"f32[2,1,2] {1, 2, 3, 4}", "f32[2] {1, 10}"}, "", "f32[2,1] {21, 43}"},
      {"matmul", {"f32[2] {1, 1}", "bf16[2,1] {256, 1}"}, "", "f32[1] {257}"},
      {"matmul", {"bf16[2] {1, 1}", "f16[2,1] {256, 1}"}, "", "bf16[1] {256}"},
      {"matmul", {"f16[2] {300, 1}", "f16[2,1] {300, 1}"}, "{result=\"f32\"}", "f32[1] {90001}"},
      {"conv",
       {"bf16[1,1,2] {1, 1}", "f16[1,1,2] {256, 0}", "f32[1] {1}"},
       "{result=\"f32\"}",
       "f32[1,1,1] {257}"},
      {"conv_transpose",
       {"f32[1,1,3] {1, 2, 3}", "f32[1,1,4] {1, 10, 100, 1000}"},
       "{pads=[1,1], strides=[2]}",
       "f32[1,1,6] {10, 102, 1020, 203, 2030, 300}"},
      {"conv_transpose",
       {"f32[1,2,2] {1, 2, 3, 4}", "f32[2,2,1] {1, 2, 3, 4}", "f32[2] {10, 20}"},
       "",
       "f32[1,2,2] {20, 24, 34, 40}"},
      {"conv_transpose",
       {"f32[1,2,2] {1, 2, 3, 4}", "f32[2,1,2] {1, 2, 3, 4}"},
       "{dilations=[2], groups=2}",
       "f32[1,2,4] {1, 2, 2, 4, 9, 12, 12, 16}"},
      {"conv",
       {"f32[1,1,3] {1, 2, 3}", "f32[2,1,2] {1, 10, -1, 1}", "f32[2] {0, 100}"},
       "{pads=[1,0]}",
       "f32[1,2,3] {10, 21, 32, 101, 101, 101}"},
      {"conv",
       {"f32[1,2,3] {1, 2, 3, 4, 5, 6}", "f32[2,1,2] {1, 1, 1, 2}"},
       "{dilations=[2], groups=2}",
       "f32[1,2,1] {4, 16}"},
      {"conv",
       {"f32[1,1,3,3] {1, 2, 3, 4, 5, 6, 7, 8, 9}", "f32[1,1,2,2] {1, 0, 0, 1}"},
       "{strides=[2,1]}",
       "f32[1,1,1,2] {6, 8}"},
      {"reduce_sum", {"i32[2,2] {1, 2, 3, 4}"}, "{axes=[0]}", "i32[1,2] {4, 6}"},
      {"reduce_mean", {"f32[2,2] {1, 2, 3, 4}"}, "{axes=[-1], keepdims=0}", "f32[2] {1.5, 3.5}"},
      {"reduce_max", {"f32[2,2] {1, 2, nan, 4}"}, "{axes=[1]}", "f32[2,1] {2, nan}"},
      {"reduce_min", {"i32[2,2] {1, 2, 3, 0}"}, "{keepdims=0}", "i32[] {0}"},
      {"argmax", {"f32[2,3] {1, 5, 5, 2, 1, 0}"}, "{axis=1, keepdims=0}", "i64[2] {1, 0}"},
      {"rank", {"f32[6] {2, nan, 5, 2, -inf, 7}"}, "", "i32[6] {2, 4, 1, 3, 5, 0}"},
      {"rank", {"i32[2,3] {1, 2, 3, 1, 3, 2}"}, "{axis=0}", "i32[2,3] {0, 1, 0, 1, 0, 1}"},
      {"segment_mean",
       {"f32[1,4,2] {1, 2, 3, 4, 5, 6, 9, 9}", "i32[1,4] {2, 0, 2, 3}"},
       "{segments=3}",
       "f32[1,3,2] {3, 4, 0, 0, 3, 4}"},
      {"moments",
       {"f32[2,2] {1, 3, 5, 5}"},
       "{axes=[1], epsilon=0.25}",
       "f32[2,1] {2, 5} | f32[2,1] {0.8944272, 2}"},
      {"softmax", {"f32[2,2] {0, 0, -inf, 0}"}, "", "f32[2,2] {0.5, 0.5, 0, 1}"},
      {"softmax", {"f32[2,1] {0, 0}"}, "{axis=0}", "f32[2,1] {0.5}"},
      {"group_norm",
       {"f32[1,4,1] {1, 3, 5, 5}", "f32[4] {1, 1, 2, 2}", "f32[4] {0, 0, 7, 8}"},
       "{epsilon=0, groups=2}",
       "f32[1,4,1] {-1, 1, nan, nan}"},
      {"group_norm",
       {"f32[1,2,2] {1, 3, 5, 7}", "f32[2] {1, 2}", "f32[2] {0, 10}"},
       "{epsilon=0, groups=2}",
       "f32[1,2,2] {-1, 1, 8, 12}"},
      {"group_norm_affine",
       {"f32[2] {1, 2}", "f32[2] {0, 11}", "f32[1,6] {2, 2, 2, 6, 2, 2}"},
       "{epsilon=0, groups=2, rank=3}",
       "f32[1,2,1] {1, 2} | f32[1,2,1] {-2, -1}"},
      {"group_norm_affine",
       {"f32[2] {2, 4}", "f32[2] {0, 1}", "f32[2,3] {2, 2, 12, 2, 2, 12}", "f32[1,3] {2, 4, 0}"},
       "{epsilon=0, rank=2}",
       "f32[2,2] {1, 2, 1, 2} | f32[2,2] {-3, -5, -3, -5}"},
      {"channel_moments", {"f32[1,2,2] {1, 3, 5, 7}"}, "", "f32[1,6] {2, 2, 2, 6, 2, 2}"},
      {"layer_norm",
       {"f32[2,2] {1, 3, 7, 5}", "f32[2] {1, 2}", "f32[2] {0, 10}"},
       "{epsilon=0}",
       "f32[2,2] {-1, 12, 1, 8}"},
      {"layer_norm", {"f32[1,2] {1, 3}", "f32[2] {1, 2}"}, "{epsilon=0}", "f32[1,2] {-1, 2}"},
      {"attention",
       {"f32[1,1,1] {0}", "f32[1,2,1] {1, 2}", "f32[1,2,2] {1, 2, 3, 6}"},
       "",
       "f32[1,1,2] {2, 4}"},
      {"attention",
       {"f32[1,2,1] {0}", "f32[1,2,1] {1, 2}", "f32[1,2,1] {1, 3}"},
       "{causal=1}",
       "f32[1,2,1] {1, 2}"},
      {"attention",
       {"f32[1,1,2] {0}", "f32[1,2,2] {0}", "f32[1,2,2] {1, 10, 3, 30}",
        "f32[2,1,2] {-inf, 0, 0, -inf}"},
       "{heads=2, scale=1}",
       "f32[1,1,2] {3, 10}"},
  };
  return all;
}

TEST(Evaluate, GivesTheHandCheckedResults) {
  for (const Case& c : cases()) EXPECT_EQ(evaluated(c), c.want) << c.op << " " << c.attributes;
}

TEST(Evaluate, HasACaseForEveryOp) {
  std::set<std::string_view> tested{"literal"};
  for (const Case& c : cases()) tested.insert(c.op);
  for (const OpRow& row : op_table()) EXPECT_TRUE(tested.contains(row.name)) << row.name;
}

TEST(Evaluate, RoundsToEachValuesDtypeUnlessAskedForF64) {
  Graph graph = testing::graph_of(R"(
    %x = input f32[] @step
    %big = literal f32[] {16777216}
    %y = add(%x, %big)
    %z = sub(%y, %big)
    output %z)");
  Tensor one = Tensor::of<float>(DType::f32, {}, {1});
  EXPECT_EQ(testing::tensor_text(evaluate(graph, {{one}})[0]), "f32[] {0}");
  EXPECT_EQ(testing::tensor_text(evaluate(graph, {{one}}, {.f64 = true})[0]), "f64[] {1}");
}

TEST(Evaluate, RefusesInputsThatDoNotFit) {
  Graph graph = testing::graph_of("%x = input \"x\" f32[2] @step\noutput %x");
  EXPECT_THROW(evaluate(graph, {}), InternalError);
  EXPECT_THROW(evaluate(graph, {{Tensor(DType::f32, {3})}}), InternalError);
  EXPECT_THROW(evaluate(graph, {{Tensor(DType::f16, {2})}}), InternalError);
}

TEST(Evaluate, IsFastEnoughForTinyModels) {
  Graph graph = testing::graph_of(R"(
    %x = input f32[1,64,32,32] @step
    %w = input f32[64,64,3,3] @load
    %y = conv(%x, %w) {pads=[1,1,1,1]}
    output %y)");
  auto start = std::chrono::steady_clock::now();
  evaluate(graph, testing::random_inputs(graph, 1));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

}  // namespace
}  // namespace tempera::graph
