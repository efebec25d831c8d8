#include "lower/choose.h"

#include "graph/build.h"
#include "lower/schedules/schedule_test_support.h"

namespace tempera::lower {
namespace {

using graph::GraphBuilder;
using graph::Rate;

graph::Group conv_group(int64_t channels, int64_t size) {
  GraphBuilder b;
  const auto x = b.graph.add_input("x", DType::f32, {1, channels, size, size}, Rate::step,
                                   graph::Layout{{0, 2, 3, 1}});
  const auto w = b.weight("w", DType::f32, {channels, channels, 3, 3});
  const auto y = b.conv(x, w, graph::kAbsent, {.pad = 1});
  b.graph.set_layout(y, graph::Layout{{0, 2, 3, 1}});
  b.output("y", y);
  return testing::whole_group(std::move(b.graph));
}

std::vector<std::string> chosen(const std::vector<graph::Group>& groups, int64_t growth_bytes) {
  const auto choices = choose_within(groups, testing::target_of(64), growth_bytes);
  EXPECT_TRUE(choices.ok());
  std::vector<std::string> names;
  for (const Choice& choice : *choices) names.emplace_back(choice.schedule->name);
  return names;
}

TEST(Choose, TheFastestScheduleOfAGroupAlone) {
  const auto choice = default_choice(conv_group(64, 64), testing::target_of(64));
  ASSERT_TRUE(choice.ok());
  EXPECT_EQ(choice->schedule->name, "winograd");
}

TEST(Choose, SpendsTheGrowthWhereItSavesMost) {
  // The same weights' shape at two sizes of map: a larger map saves more for the same bytes.
  std::vector<graph::Group> groups = {conv_group(64, 16), conv_group(64, 64)};
  groups[1].inputs = {2, 3};
  const int64_t growth = int64_t{64} * 64 * 4 * (36 - 9);
  using Names = std::vector<std::string>;
  EXPECT_EQ(chosen(groups, 0), (Names{"contraction", "contraction"}));
  EXPECT_EQ(chosen(groups, growth), (Names{"contraction", "winograd"}));
  EXPECT_EQ(chosen(groups, 2 * growth), (Names{"winograd", "winograd"}));
}

TEST(Choose, CountsWeightsThatGroupsShareOnce) {
  const std::vector<graph::Group> groups = {conv_group(64, 32), conv_group(64, 32)};
  EXPECT_EQ(chosen(groups, int64_t{64} * 64 * 4 * (36 - 9)),
            (std::vector<std::string>{"winograd", "winograd"}));
}

}  // namespace
}  // namespace tempera::lower
