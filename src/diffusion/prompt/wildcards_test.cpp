#include "diffusion/prompt/wildcards.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <set>

namespace tempera::diffusion {
namespace {

class Wildcards : public testing::Test {
 protected:
  Wildcards() {
    std::filesystem::create_directories(folder_ + "/animals");
    write("colour", "red\n\n# no colour\n  green \r\nblue");
    write("animals/pet", "a __colour__ cat\na __colour__ dog\n");
    write("round", "__round__\n");
    write("empty", "# nothing\n");
  }
  ~Wildcards() override { std::filesystem::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name + ".txt") << text;
  }
  std::string expand(const std::string& text, uint64_t seed = 1) const {
    const auto result = expand_wildcards(text, folder_, seed);
    return result.ok() ? *result : result.error().message;
  }

  std::string folder_ = testing::TempDir() + "tempera_wildcards_" + std::to_string(getpid());
};

TEST_F(Wildcards, ChooseALineByTheSeed) {
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 50; ++seed) {
    seen.insert(expand("a __colour__ hat", seed));
    EXPECT_EQ(expand("a __colour__ hat", seed), expand("a __colour__ hat", seed));
  }
  EXPECT_EQ(seen, (std::set<std::string>{"a red hat", "a green hat", "a blue hat"}));
}

TEST_F(Wildcards, NestAndChooseEachForItself) {
  const std::string pet = expand("__animals/pet__");
  EXPECT_FALSE(has_wildcards(pet)) << pet;
  EXPECT_TRUE(pet.ends_with(" cat") || pet.ends_with(" dog")) << pet;
  std::set<std::string> seen;
  for (uint64_t seed = 0; seed < 100; ++seed) seen.insert(expand("__colour__ __colour__", seed));
  EXPECT_EQ(seen.size(), 9u);
}

TEST_F(Wildcards, LeaveOtherTextAsItIs) {
  EXPECT_FALSE(has_wildcards("a __ b, snake_case, ____, __a:b__"));
  EXPECT_EQ(expand("a __ b, snake_case"), "a __ b, snake_case");
}

TEST_F(Wildcards, SayWhatIsWrong) {
  EXPECT_EQ(expand("__color__"), "there is no wildcard 'color': " + folder_ +
                                     " has no file 'color.txt'; did you mean 'colour'?");
  EXPECT_TRUE(expand("__../colour__").starts_with("there is no wildcard '../colour'"));
  EXPECT_TRUE(expand("__round__").starts_with("the wildcard 'round' does not come to an end"));
  EXPECT_TRUE(expand("__empty__").starts_with("the wildcard 'empty' has no line in"));
}

}  // namespace
}  // namespace tempera::diffusion
