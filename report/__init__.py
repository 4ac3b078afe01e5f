"""What a run left behind, for a person: live view, tables, pictures, HTML."""
