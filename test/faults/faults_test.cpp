// `kill -9` at 100 random moments, from a fixed seed: of `generate`, of two runs that share an
// empty cache, and of `convert`. What has the name of a result is a whole one, and the next run
// works.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <thread>

#include "base/json.h"
#include "diffusion/image/read_image.h"
#include "tensor_file/safetensors.h"
#include "test/reference/program.h"
#include "test/temp_folder.h"

namespace tempera::test {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;
using Arguments = std::vector<std::string>;

const std::string kTiny = std::string(TEMPERA_SOURCE_DIR) + "/test/data/tiny/sd15";

pid_t start(const Arguments& arguments, const std::string& cache) {
  const pid_t child = fork();
  if (child != 0) return child;
  const int nowhere = open("/dev/null", O_WRONLY);
  dup2(nowhere, STDOUT_FILENO);
  dup2(nowhere, STDERR_FILENO);
  setenv("TEMPERA_CACHE_DIR", cache.c_str(), 1);
  std::vector<char*> argv = {const_cast<char*>(TEMPERA_PROGRAM)};
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  execv(TEMPERA_PROGRAM, argv.data());
  _exit(127);
}

int wait_for(pid_t child) {
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Seconds time_of(const Arguments& arguments, const std::string& cache) {
  const auto began = Clock::now();
  EXPECT_EQ(wait_for(start(arguments, cache)), 0);
  return Clock::now() - began;
}

// A moment of a run that takes `whole`, or shortly after it.
Seconds moment(std::mt19937& random, Seconds whole) {
  return whole * 1.1 * (static_cast<double>(random()) / static_cast<double>(std::mt19937::max()));
}

Arguments tiny_picture(const TempFolder& folder, const std::string& name) {
  return {"generate",
          "a cat",
          "-m",
          kTiny,
          "--width",
          "64",
          "--height",
          "64",
          "--steps",
          "2",
          "--seed",
          "1",
          "--threads",
          "1",
          "-q",
          "-o",
          folder.path(name + ".png"),
          "--save-latents",
          folder.path(name + ".safetensors")};
}

void expect_whole(const fs::path& file) {
  const std::string path = file.string();
  EXPECT_TRUE(!path.ends_with(".png") || diffusion::read_image(path).ok()) << path;
  EXPECT_TRUE(!path.ends_with(".safetensors") || SafetensorsFile::open(path).ok()) << path;
  EXPECT_TRUE(!path.ends_with(".json") || read_json_file(path).ok()) << path;
}

void expect_whole_files(const TempFolder& folder) {
  for (const auto& file : fs::recursive_directory_iterator(folder.path()))
    if (file.is_regular_file()) expect_whole(file.path());
}

std::vector<uint8_t> pixels_of(const std::string& file) {
  const auto picture = diffusion::read_image(file);
  EXPECT_TRUE(picture.ok()) << file;
  return picture.ok() ? picture->image.pixels : std::vector<uint8_t>();
}

TEST(Faults, AKilledPictureIsWholeOrAbsent) {
  const TempFolder warm;
  time_of(tiny_picture(warm, "x"), TEMPERA_TEST_CACHE);
  const Seconds whole = time_of(tiny_picture(warm, "x"), TEMPERA_TEST_CACHE);
  std::mt19937 random(1);
  for (int i = 0; i < 60; ++i) {
    const TempFolder folder;
    const pid_t child = start(tiny_picture(folder, "x"), TEMPERA_TEST_CACHE);
    std::this_thread::sleep_for(moment(random, whole));
    kill(child, SIGKILL);
    wait_for(child);
    expect_whole_files(folder);
  }
}

// The cache fills bit by bit, while both runs of a pair write its entries and are killed at it.
TEST(Faults, ACacheOfKilledPairsServesTheNextRun) {
  const TempFolder folder, cache;
  time_of(tiny_picture(folder, "want"), TEMPERA_TEST_CACHE);
  std::mt19937 random(2);
  for (int i = 0; i < 10; ++i) {
    const pid_t first = start(tiny_picture(folder, "a"), cache.path());
    const pid_t second = start(tiny_picture(folder, "b"), cache.path());
    std::this_thread::sleep_for(moment(random, Seconds(0.8)));
    kill(first, SIGKILL);
    std::this_thread::sleep_for(moment(random, Seconds(0.2)));
    kill(second, SIGKILL);
    wait_for(first);
    wait_for(second);
    expect_whole_files(folder);
  }
  time_of(tiny_picture(folder, "got"), cache.path());
  EXPECT_EQ(pixels_of(folder.path("got.png")), pixels_of(folder.path("want.png")));
}

TEST(Faults, AKilledConversionIsWholeOrAbsent) {
  const TempFolder warm;
  const Seconds whole = time_of({"convert", kTiny, "-o", warm.path("x")}, TEMPERA_TEST_CACHE);
  std::mt19937 random(3);
  for (int i = 0; i < 20; ++i) {
    const TempFolder folder;
    const pid_t child = start({"convert", kTiny, "-o", folder.path("x")}, TEMPERA_TEST_CACHE);
    std::this_thread::sleep_for(moment(random, whole));
    kill(child, SIGKILL);
    wait_for(child);
    if (!fs::exists(folder.path("x"))) continue;
    EXPECT_EQ(run_program({"inspect", folder.path("x")}).exit_code, 0);
    expect_whole_files(folder);
    for (const auto& file : fs::recursive_directory_iterator(warm.path("x")))
      EXPECT_TRUE(
          fs::exists(fs::path(folder.path("x")) / fs::relative(file.path(), warm.path("x"))))
          << file.path();
  }
}

}  // namespace
}  // namespace tempera::test
