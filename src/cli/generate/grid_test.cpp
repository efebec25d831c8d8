#include "cli/generate/grid.h"

#include <gtest/gtest.h>

namespace tempera::cli {
namespace {

TEST(Grid, ACellForEachPairOfValuesInRows) {
  const Axis x = parse_axis("steps=10,20", "--grid-x").value();
  const Axis y = parse_axis("--sampler=euler,dpm++2m", "--grid-y").value();
  EXPECT_EQ(cells_of(x, y),
            (std::vector<std::vector<std::string>>{{"--sampler=euler", "--steps=10"},
                                                   {"--sampler=euler", "--steps=20"},
                                                   {"--sampler=dpm++2m", "--steps=10"},
                                                   {"--sampler=dpm++2m", "--steps=20"}}));
}

TEST(Grid, LabelsNameTheSettingAndItsValue) {
  EXPECT_EQ(labels_of(*parse_axis("steps=10,20", "--grid-x")),
            (std::vector<std::string>{"steps 10", "steps 20"}));
  EXPECT_TRUE(labels_of(*parse_axis("", "--grid-y")).empty());
}

TEST(Grid, OneAxisIsARowOrAColumn) {
  const Axis none = parse_axis("", "--grid-y").value();
  const Axis x = parse_axis("seed=1,2", "--grid-x").value();
  EXPECT_EQ(cells_of(x, none), (std::vector<std::vector<std::string>>{{"--seed=1"}, {"--seed=2"}}));
}

TEST(Grid, RefusesWhatIsNoSetting) {
  for (const char* text : {"steps", "=1,2", "steps=", "steps=1,,2"})
    EXPECT_FALSE(parse_axis(text, "--grid-x").ok()) << text;
  EXPECT_FALSE(check_axis({"precision", {"f32"}}, "--grid-x").ok());
  EXPECT_TRUE(check_axis({"steps", {"1"}}, "--grid-x").ok());
}

TEST(Grid, NamesTheSheetAfterTheFirstPicture) {
  EXPECT_EQ(sheet_name("out/cat-5.png"), "out/cat-5-grid.png");
  EXPECT_EQ(sheet_name("cat"), "cat-grid.png");
}

}  // namespace
}  // namespace tempera::cli
