# Prints the lines of Go files that are longer than 120 columns, a tab being four, and fails when there is one.
# A struct tag and an address cannot be split. It counts bytes, so that it runs with LC_ALL=C, and leaves out the
# bytes of UTF-8 that begin no character.
{
	line = $0
	gsub(/\t/, "    ", line)
	gsub(/[\200-\277]/, "", line)
}
length(line) > 120 && line !~ /`[a-z]+:"/ && line !~ /https:[^ ]*$/ {
	print FILENAME ":" FNR
	found = 1
}
END { exit found }
